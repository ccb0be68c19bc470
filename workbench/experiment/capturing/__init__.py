"""A run folder becomes an experiment: its files, what it ran in, and what it cost."""
