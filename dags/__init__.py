"""One DAG a file, no logic."""
