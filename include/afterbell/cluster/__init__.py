"""Spark clusters: profiles, cluster managers, submission, and the watch over drivers."""
