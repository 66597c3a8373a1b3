"""Where Spark runs: profiles, cluster managers, submission, and drivers under watch."""
