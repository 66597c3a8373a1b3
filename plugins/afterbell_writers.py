"""Prevents a deadlock between requests that write, where Airflow's database is SQLite."""

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from afterbell.airflow.one_writer import OneWriter

_SQLITE = conf.get_mandatory_value("database", "sql_alchemy_conn").startswith("sqlite")


class AfterbellWriters(AirflowPlugin):
    """Only for SQLite: PostgreSQL lets many requests write at once."""

    name = "afterbell_writers"
    fastapi_root_middlewares = [{"name": "one writer", "middleware": OneWriter}] if _SQLITE else []
