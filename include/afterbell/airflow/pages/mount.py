"""The entry points that every process of Airflow loads as a plugin: cheap, the application itself is built later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/afterbell"


class LazyApp:
    """The pages as an ASGI application, built at the first request.

    Plugins are loaded by schedulers, workers and whoever parses a DAG; only the API server serves pages.
    """

    def __init__(self, make_app: Callable[[], ASGIApp]) -> None:
        """``make_app`` builds the application; it is called once."""
        self._make_app = make_app
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if self._app is None:
            self._app = self._make_app()
        await self._app(scope, receive, send)


def _base() -> str:
    """The path of the pages, which begins with the one that Airflow itself is served under."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX


def form_link(name: str, page: str) -> str:
    """A paragraph for a DAG's description with a link to the form that starts it.

    Args:
        name: of the button.
        page: of the form, such as ``experiments/new``.
    """
    return f"\n**[{name}]({_base()}/{page})** is a form with explanations and a preview."


def views() -> list[dict[str, str | bool]]:
    """The places in Airflow's UI that show the pages."""
    base = _base()
    return [
        {
            "name": "Afterbell",
            "href": f"{base}/tonight",
            "destination": "nav",
            "url_route": "afterbell",
            "nav_top_level": True,
            "icon": f"{base}/bell.svg",
            "icon_dark_mode": f"{base}/bell-dark.svg",
        },
        {
            "name": "Afterbell",
            "href": f"{base}/tonight?dag={{DAG_ID}}&run={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "afterbell-run",
        },
        {
            "name": "Afterbell",
            "href": f"{base}/sessions?dag={{DAG_ID}}",
            "destination": "dag",
            "url_route": "afterbell-sessions",
        },
    ]
