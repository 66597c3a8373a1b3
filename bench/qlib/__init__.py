"""Microsoft's Qlib beside ours: its store, its Alpha158, its answers. Runs in Qlib's environment."""
