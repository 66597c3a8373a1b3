"""Contracts of the steps: what each is given and what it answers with, as frozen models by subject."""
