"""How is it handed on? Runs as columns: data frames, and files for other programs."""
