"""The Iceberg tables: their schemas, commits, branches, and reads as of a time."""
