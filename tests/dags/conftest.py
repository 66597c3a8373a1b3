"""Airflow, with a home that only the tests use."""

import tests.airflow_home  # noqa: F401 - before Airflow
