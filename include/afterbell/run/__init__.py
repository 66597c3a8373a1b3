"""Running a step: its arguments, its place among the steps, and the record of it."""
