"""The only room that imports Airflow: operators, connections, and running a DAG in one process."""
