"""Task sets as text: JSON with its schema, JSON lines, CSV, rt-app's JSON, and Python."""
