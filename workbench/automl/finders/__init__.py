"""What can be wrong with a table, found before any time is spent: each finder takes a `Sample` and yields checks."""
