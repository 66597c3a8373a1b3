"""Fits: purged walk-forward splits, model families, the training matrix."""
