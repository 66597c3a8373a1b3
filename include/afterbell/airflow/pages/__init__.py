"""The Afterbell pages in Airflow's UI: tonight, sessions, releases, backfills, experiments; they only read."""
