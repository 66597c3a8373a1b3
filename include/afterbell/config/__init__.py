"""Typed settings: YAML files checked when loaded, and what a step reads from its environment."""
