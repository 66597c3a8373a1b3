"""Why a driver has no executor, or no place itself, from the cluster manager's pages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from afterbell.cluster.causes import mesos_cause, standalone_cause, unknown_cause
from afterbell.cluster.driver_place import DriverNeeds, PlaceCause, mesos_place_cause, standalone_place_cause
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.wanted import ExecutorRequest
from afterbell.errors import ClusterUnavailableError, NoResourcesError

_SECONDS = 15.0
_TRIES, _PAUSE_SECONDS = 3, 0.5
"""Attempts to read the pages, and the pause after each: a busy master answers late, and the cause is reported once."""
_UNREADABLE = (requests.RequestException, ValueError, LookupError, TypeError, AttributeError)


def ask_manager(request: ExecutorRequest, application: str) -> str:
    """The cause, in one or two sentences; all possible causes where the pages cannot be read.

    Args:
        request: the needs of one executor, with the address of the pages.
        application: the Spark application's id.
    """
    if not request.ui:
        return unknown_cause(request, "")
    failure: Exception | None = None
    for _ in range(_TRIES):
        try:
            return _read_cause(request, application)
        except (requests.ConnectionError, requests.Timeout) as error:
            failure = error
            time.sleep(_PAUSE_SECONDS)
        except _UNREADABLE as error:
            failure = error
            break
    return unknown_cause(request, f"{type(failure).__name__}: {str(failure)[:200]}")


def _read_cause(request: ExecutorRequest, application: str) -> str:
    if request.master.startswith("mesos://"):
        agents, frameworks = _get(f"{request.ui}/slaves"), _get(f"{request.ui}/frameworks")
        return mesos_cause(agents["slaves"], frameworks["frameworks"], application, request)
    return standalone_cause(_get(f"{request.ui}/json/"), application, request)


def ask_place(cluster: ClusterProfile, properties: Mapping[str, str]) -> PlaceCause | None:
    """Why a driver with ``properties`` has no place on ``cluster``; None where the pages cannot be read."""
    ui = cluster.master_ui.rstrip("/")
    if not ui:
        return None
    needs = DriverNeeds.of(cluster, properties)
    try:
        if cluster.manager == "mesos":
            agents, frameworks = _get(f"{ui}/slaves"), _get(f"{ui}/frameworks")
            cause = mesos_place_cause(agents["slaves"], frameworks["frameworks"], needs)
            return None if cause.unregistered and _hides_frameworks(ui, frameworks["frameworks"]) else cause
        return standalone_place_cause(_get(f"{ui}/json/"), needs)
    except _UNREADABLE:
        return None


def require_place(cluster: ClusterProfile, properties: Mapping[str, str]) -> None:
    """Refuse to launch a driver that would wait for ever on the cluster as it is.

    Raises:
        ClusterUnavailableError: Mesos' dispatcher has lost its master.
        NoResourcesError: the driver is larger than any node, or no node meets its constraints.
    """
    cause = ask_place(cluster, properties)
    if cause is None or not cause.never:
        return
    kind = ClusterUnavailableError if cause.unregistered else NoResourcesError
    raise kind(f"no driver was launched on {cluster.master}: {place_text(cluster, properties, cause)}")


def place_text(cluster: ClusterProfile, properties: Mapping[str, str], cause: PlaceCause | None) -> str:
    """What a driver needs and why it has no place, for messages."""
    if cause is None:
        where = f"{cluster.master_ui} could not be read" if cluster.master_ui else "master_ui is not set"
        reason = f"why is not known, since {where}; see the cluster's page"
    else:
        reason = cause.text
    if cause is not None and cause.unregistered:
        return f"{reason} ({cluster.master_ui}/frameworks)"
    page = f" ({cluster.master_ui})" if cluster.master_ui else ""
    return f"the driver needs {DriverNeeds.of(cluster, properties).text} on one node: {reason}{page}"


def _hides_frameworks(ui: str, shown: Sequence[Any]) -> bool:
    """Whether a Mesos master counts more active frameworks than it shows: its rules may hide them from us."""
    try:
        return int(_get(f"{ui}/metrics/snapshot")["master/frameworks_active"]) > len(shown)
    except _UNREADABLE:
        return False


def _get(address: str) -> Any:
    answer = requests.get(address, timeout=_SECONDS)
    answer.raise_for_status()
    return answer.json()
