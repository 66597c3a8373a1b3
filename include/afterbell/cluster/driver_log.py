"""The end of a driver's log, from the node that the driver ran on.

Python's output, tracebacks included, is in ``stdout``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import requests

from afterbell.cluster.managers.base import ClusterManager
from afterbell.cluster.managers.contract import UNREADABLE
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

LONGEST = 32 * 1024
"""Bytes of each of stdout and stderr."""
_TIMEOUTS = Timeouts(connect=5.0, read=15.0)
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class DriverLog:
    """The part of a driver's log that could be read.

    Attributes:
        page: the page that shows all of it; empty where unknown.
        tails: the end of ``stdout`` and ``stderr``, free of control characters; those that could be read.
        trouble: why one could not be read; empty otherwise.
    """

    page: str = ""
    tails: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


def driver_log(manager: ClusterManager, master_ui: str, driver: str, secrets: Iterable[str] = ()) -> DriverLog:
    """The log of ``driver``; never raises: an unreadable log is no failure of the driver.

    Args:
        manager: of its cluster.
        master_ui: address of the cluster manager's pages.
        driver: its id.
        secrets: values that must not be shown.
    """
    if not master_ui:
        return DriverLog(trouble="master_ui is not set in the cluster profile")
    page = ""
    try:
        files = manager.require_nodes().find_log(master_ui.rstrip("/"), driver, _read_page)
        page = files.page
        tails = {kind: clean(files.read(kind, LONGEST), secrets) for kind in ("stdout", "stderr")}
    except UNREADABLE as error:
        return DriverLog(page, trouble=f"{type(error).__name__}: {error}")
    return DriverLog(page, tails)


def driver_page(manager: ClusterManager, master_ui: str, driver: str) -> str:
    """The page with the log of ``driver``; empty while the cluster does not report it, or cannot be reached."""
    try:
        return manager.require_nodes().find_log(master_ui.rstrip("/"), driver, _read_page).page if master_ui else ""
    except UNREADABLE:
        return ""


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without terminal sequences, control characters and the values of ``secrets``."""
    shown = _CONTROL.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    for secret in secrets:
        if secret:
            shown = shown.replace(secret, "***")
    return shown


def _read_page(url: str) -> requests.Response:
    with http_session(_TIMEOUTS, proxies=False, redirects=True) as session:
        answer = session.get(url)
        answer.raise_for_status()
        return answer
