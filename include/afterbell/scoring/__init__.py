"""Applying the champion to the universe: signals for the next session."""
