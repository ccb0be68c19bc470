"""Trials in, one model out: the ensemble, and what is learned from its predictions of held-out rows."""
