"""How is it shown? Plots, and the page that holds a run's tables and plots."""
