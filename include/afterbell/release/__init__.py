"""Immutable releases: manifest, digests, and the one pointer to the champion."""
