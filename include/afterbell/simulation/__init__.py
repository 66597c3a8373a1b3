"""A seeded market with a signal of known strength, and the vendor's feed of it."""
