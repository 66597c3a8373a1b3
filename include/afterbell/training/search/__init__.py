"""The search among settings of a model family: what is tried, what goes on, what is chosen, and its time."""
