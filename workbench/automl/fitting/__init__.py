"""One trial: a family with its parameters, fitted on every fold."""
