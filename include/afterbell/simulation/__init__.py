"""A seeded market with a planted signal, delivered the way a vendor delivers."""
