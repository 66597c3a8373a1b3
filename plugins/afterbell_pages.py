"""The Afterbell pages: a FastAPI application of the API server, and the places of Airflow's UI that show it."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from afterbell.airflow.pages.mount import PREFIX, LazyApp, views


class AfterbellPages(AirflowPlugin):
    """Tonight, sessions, releases and backfills, beside the DAGs they are about."""

    name = "afterbell_pages"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": LazyApp(), "url_prefix": PREFIX, "name": "Afterbell pages"}
    ]
    external_views = views()
