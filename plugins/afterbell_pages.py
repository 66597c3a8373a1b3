"""The Afterbell pages: a FastAPI application of the API server, and the places of Airflow's UI that show it."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from afterbell.airflow.pages.mount import PREFIX, LazyApp, views


def _make_app() -> Any:
    # Only the API server is asked for a page; schedulers and workers load plugins, too.
    from afterbell.airflow.pages.app import make_app  # noqa: PLC0415

    return make_app()


class AfterbellPages(AirflowPlugin):
    """Tonight, sessions, releases and backfills, beside the DAGs they are about."""

    name = "afterbell_pages"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": LazyApp(_make_app), "url_prefix": PREFIX, "name": "Afterbell pages"}
    ]
    external_views = views()
