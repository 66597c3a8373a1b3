"""Buttons of a Spark step's page in Airflow's UI."""

from airflow.plugins_manager import AirflowPlugin

from afterbell.airflow.links import LINKS


class AfterbellLinks(AirflowPlugin):
    """Registers the links of Spark steps with the API server."""

    name = "afterbell_links"
    operator_extra_links = list(LINKS)  # noqa: RUF012 - Airflow's own way
