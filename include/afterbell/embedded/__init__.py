"""S3, HDFS and Airflow as processes of this machine, started and stopped with the project."""
