"""A driver's JVM that serves the jobs of a run one after the other; see ``docs/adr/0009-one-jvm-for-a-run.md``."""
