"""Declarations of a source: its typed YAML, the layout of its drops, rules for rows and sessions. Pure."""
