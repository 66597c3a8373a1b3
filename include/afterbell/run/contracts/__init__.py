"""Contracts of the steps: inputs and results as frozen models, grouped by subject."""
