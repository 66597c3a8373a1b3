"""The deadline: two hours from the closing bell, and what is left of it."""
