"""The glass box: a notebook that rebuilds a winner, or any trial, from the data file without the workbench."""
