"""Which trials are made: what the first rows cost, whose turn it is, what is tried, and what came of it."""
