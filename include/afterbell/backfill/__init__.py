"""Filling years of history: planned first, one Spark job a step, chunk by chunk, behind the daily run."""
