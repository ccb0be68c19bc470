"""A kept run made again: what it was given, where it ran, the rerun, and what came of it."""
