"""Factors: declared, hashed, computed in Arrow batches by kernels that see no future."""
