"""What Airflow loads besides DAGs."""
