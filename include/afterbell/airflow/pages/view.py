"""From data to an answer: a page for people, or the same data as JSON for programs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment
from markupsafe import Markup

from afterbell.airflow.pages.mount import PREFIX
from afterbell.airflow.pages.security import DAG, headers
from afterbell.airflow.pages.views import View
from afterbell.config.environment import HOME
from afterbell.durations import format_duration
from afterbell.reporting import rendering

_FOLDER = Path(__file__).parent / "templates"
STATIC = {"style.css": "text/css", "frame.js": "text/javascript", "refresh.js": "text/javascript",
          "bell.svg": "image/svg+xml", "bell-dark.svg": "image/svg+xml"}  # fmt: skip
MENU = (("tonight", "Tonight"), ("sessions", "Sessions"), ("releases", "Releases"), ("backfills", "Backfills"),
        ("experiments", "Experiments"))  # fmt: skip


def answer(
    request: Request,
    name: str,
    data: View | Mapping[str, object],
    status: int = 200,
    extra: Mapping[str, object] | None = None,
) -> Response:
    """The page ``name`` of ``data``, or the data themselves where JSON is requested.

    Args:
        request: its ``format=json`` or its Accept header decides.
        name: a template, which is also the place in the menu.
        data: what the page shows; a mapping holds JSON values.
        status: of the answer.
        extra: further values for the template, which are not part of the data.
    """
    if wants_json(request):
        return JSONResponse(data.to_json() if isinstance(data, View) else data, status, headers())
    base = request.scope.get("root_path", "").removesuffix(PREFIX)
    variables = {
        "data": data,
        "active": name.split("_", maxsplit=1)[0],
        "menu": MENU,
        "base": base + PREFIX,
        "airflow": base,
        "dag": DAG,
        "digest": static_digest(),
        "json_link": _with_json(request),
        **(extra or {}),
    }
    return HTMLResponse(environment().get_template(f"{name}.html").render(variables), status, headers())


def wants_json(request: Request) -> bool:
    """Whether the request is for JSON, as programs send it."""
    requested = request.query_params.get("format")
    if requested is not None:
        return requested == "json"
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _with_json(request: Request) -> str:
    query = {name: value for name, value in request.query_params.items() if name != "format"} | {"format": "json"}
    return "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in query.items())


def static_body(name: str) -> bytes:
    """The bytes of one of `STATIC`."""
    return rendering.style_sheet() if name == "style.css" else (_FOLDER / name).read_bytes()


@lru_cache(maxsize=1)
def static_digest() -> str:
    """Changes when a style or a script does, so that no browser shows an old one."""
    return hashlib.sha256(b"".join(static_body(name) for name in STATIC)).hexdigest()[:12]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; every value is escaped where it is put in."""
    templates = rendering.environment("afterbell.airflow.pages")
    templates.filters |= {
        "when": when, "clock": clock_time, "span": format_duration, "number": number, "metric": metric, "words": words,
        "local_file": local_file, "segment": lambda text: quote(str(text), safe=""),
    }  # fmt: skip
    return templates


def when(text: str | datetime | None, zone: str = "", *, day: bool = True) -> str:
    """An instant, or its ISO text, as ``2026-06-30 20:00 UTC``, and in the exchange's own time beside it."""
    instant = _instant(text)
    if instant is None:
        return "-" if not text else str(text)
    shape = "%Y-%m-%d %H:%M" if day else "%H:%M:%S"
    local = _local(instant, zone, "%H:%M" if day else "%H:%M:%S")
    return Markup('<time datetime="{}">{} UTC</time>{}').format(instant.isoformat(), instant.strftime(shape), local)


def clock_time(text: str | datetime | None, zone: str = "") -> str:
    """The time of day alone, for rows of one run."""
    return when(text, zone, day=False)


def _local(instant: datetime, zone: str, shape: str) -> Markup:
    try:
        local = instant.astimezone(ZoneInfo(zone)) if zone and zone != "UTC" else None
    except (ZoneInfoNotFoundError, ValueError):
        local = None
    if local is None:
        return Markup("")
    return Markup(' <span class="local">{} {}</span>').format(local.strftime(shape), local.tzname())


def _instant(text: str | datetime | None) -> datetime | None:
    if isinstance(text, datetime):
        return text.astimezone(UTC)
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def number(value: object) -> str:
    """A count with its thousands; a dash where it isn't known."""
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else metric(value)


def metric(value: object) -> str:
    """A figure with four significant digits; anything else as text."""
    if value is None:
        return "-"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def words(value: object) -> str:
    """An identifier as words."""
    return str(value).replace("_", " ")


def local_file(address: str) -> str:
    """A file's address as the path on the machine that wrote it."""
    path = address.removeprefix("file://")
    home = os.environ.get(HOME, "")
    return path.removeprefix(home).lstrip("/") if home and path.startswith(home + "/") else path
