"""Buttons of a task's page: its cluster, its driver's log, and the history of Spark's applications.

The addresses come from the cluster profile, and from the cluster once the driver runs; the worker writes them down, so
that Airflow's API server asks no cluster.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink


class ClusterLink(BaseOperatorLink):
    """The cluster manager's own page: the standalone master's, or Mesos'."""

    name = "Cluster"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - as Airflow calls it
        """Its address; empty where the profile names none."""
        return _read_place(operator, "cluster")


class DriverLink(BaseOperatorLink):
    """The driver's log on the worker, or its sandbox on the Mesos agent."""

    name = "Driver log"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - as Airflow calls it
        """Its address; empty while it is not known, and where the driver runs in client mode."""
        return _read_place(operator, "driver")


class HistoryLink(BaseOperatorLink):
    """Spark's history server."""

    name = "Spark history"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - as Airflow calls it
        """Its address; empty where the profile names none."""
        return _read_place(operator, "history")


LINKS = (ClusterLink(), DriverLink(), HistoryLink())


def _read_place(operator: BaseOperator, name: str) -> str:
    places: dict[str, str] = getattr(operator, "places", {})
    return places.get(name, "")
