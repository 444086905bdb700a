"""Who looks in? Machines of a running distributor, seen from another process of its user."""
