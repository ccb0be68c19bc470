"""Many runs: planned, carried out here or on a cluster, kept; and handed over to a scheduler."""
