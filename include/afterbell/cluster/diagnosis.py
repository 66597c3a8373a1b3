"""Why a driver has no executor, or no place itself, as far as the cluster manager's own pages show it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers import manager_of
from afterbell.cluster.managers.contract import UNREADABLE
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ClusterUnavailableError, NoResourcesError
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

_TIMEOUTS = Timeouts(connect=15.0, read=15.0)
_TRIES, _PAUSE_SECONDS = 3, 0.5
"""Attempts to read the pages, and the pause after each: a busy master answers late, and the cause is reported once."""


def executor_request(properties: Mapping[str, str]) -> ExecutorRequest:
    """The needs of one executor of a driver with these Spark properties, on the cluster that they name."""
    return manager_of(properties["spark.master"]).require_nodes().executor_request(properties)


def unknown_cause(request: ExecutorRequest, trouble: str) -> str:
    """All possible causes, where the cluster manager's pages could not be read because of ``trouble``."""
    where = (
        f"{request.ui} could not be read ({trouble})" if request.ui else "master_ui is not set in the cluster profile"
    )
    return (
        f"{where}, so it may be: executor memory larger than any offer ({request.memory_mb} MiB); no {request.cores} "
        f"free cores; {manager_of(request.master).require_nodes().other_causes(request)}"
    )


def find_executor_cause(request: ExecutorRequest, application: str) -> str:
    """The cause, in one or two sentences; all possible causes where the pages cannot be read.

    Args:
        request: the needs of one executor, with the address of the pages.
        application: the Spark application's id.
    """
    if not request.ui:
        return unknown_cause(request, "")
    nodes = manager_of(request.master).require_nodes()
    failure: Exception | None = None
    for _ in range(_TRIES):
        try:
            return nodes.executor_cause(request, application, _read_page)
        except (requests.ConnectionError, requests.Timeout) as error:
            failure = error
            time.sleep(_PAUSE_SECONDS)
        except UNREADABLE as error:
            failure = error
            break
    return unknown_cause(request, f"{type(failure).__name__}: {str(failure)[:200]}")


def find_place_cause(cluster: ClusterProfile, properties: Mapping[str, str]) -> PlaceCause | None:
    """Why a driver with ``properties`` has no place on ``cluster``; None where the pages cannot be read."""
    ui = cluster.master_ui.rstrip("/")
    if not ui:
        return None
    needs = driver_needs(cluster, properties)
    try:
        return cluster.manager.require_nodes().place_cause(ui, needs, _read_page)
    except UNREADABLE:
        return None


def driver_needs(cluster: ClusterProfile, properties: Mapping[str, str]) -> DriverNeeds:
    """The resources that a driver with these Spark properties needs on a node of ``cluster``."""
    return cluster.manager.require_nodes().driver_needs(cluster, properties)


def require_place(cluster: ClusterProfile, properties: Mapping[str, str]) -> None:
    """Raise if the cluster in its present state could never run the driver.

    Raises:
        ClusterUnavailableError: what launches drivers has lost its master.
        NoResourcesError: the driver is larger than any node, or no node meets its constraints.
    """
    cause = find_place_cause(cluster, properties)
    if cause is None or not cause.never:
        return
    kind = ClusterUnavailableError if cause.unregistered else NoResourcesError
    raise kind(f"no driver was launched on {cluster.master}: {place_text(cluster, properties, cause)}")


def place_text(cluster: ClusterProfile, properties: Mapping[str, str], cause: PlaceCause | None) -> str:
    """The needs of a driver and why it has no place, as text for messages."""
    if cause is None:
        where = f"{cluster.master_ui} could not be read" if cluster.master_ui else "master_ui is not set"
        reason = f"why is not known, since {where}; see the cluster's page"
    else:
        reason = cause.text
    if cause is not None and cause.unregistered:
        return f"{reason} ({cluster.master_ui}{cause.page})"
    page = f" ({cluster.master_ui})" if cluster.master_ui else ""
    return f"the driver needs {driver_needs(cluster, properties).text} on one node: {reason}{page}"


def _read_page(address: str) -> requests.Response:
    with http_session(_TIMEOUTS, proxies=True, redirects=True) as session:
        answer = session.get(address)
    answer.raise_for_status()
    return answer
