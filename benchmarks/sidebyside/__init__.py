"""What the benchmarks share: tables, environments, one measurement, and the rows kept of it."""
