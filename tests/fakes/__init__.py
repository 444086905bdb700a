"""Stand-ins for the real things; each passes the contract suite of what it stands for."""
