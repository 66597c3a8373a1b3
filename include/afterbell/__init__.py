"""Afterbell: from the closing bell to published models within two hours."""

__version__ = "0.1.0"
