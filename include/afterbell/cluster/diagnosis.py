"""Why a driver has no executor, or no place itself, as far as the cluster manager's own pages show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause, mesos_place_cause, standalone_place_cause
from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.mesos_agents import agent_sizes, attributes_of, meets
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ClusterUnavailableError, NoResourcesError
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

_FAILED = {"TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_GONE", "TASK_DROPPED"}
_HOMES = ("spark.mesos.executor.home", "spark.executor.uri", "spark.mesos.executor.docker.image")


def standalone_cause(state: Mapping[str, Any], application: str, request: ExecutorRequest) -> str:
    """The cause by a standalone master's ``/json/``.

    Args:
        state: what the master answered; memory in MiB.
        application: the Spark application's id.
        request: the needs of one executor.
    """
    alive = [worker for worker in state.get("workers", []) if worker.get("state") == "ALIVE"]
    if not alive:
        return "no worker is registered with the master: start one, or look at the workers' logs"
    if _own_cores(state, application):
        return (
            "workers gave cores, and no executor on them has reported to the driver: look at "
            f"work/{application}/<n>/stderr on a worker. It needs Java, and must reach the driver (spark.driver.host, "
            "spark.driver.port); a slow start needs a larger first_executor_seconds"
        )
    sizes = [(int(worker["cores"]), int(worker["memory"])) for worker in alive]
    free = [(int(worker["coresfree"]), int(worker["memoryfree"])) for worker in alive]
    too_large = _too_large(sizes, request, "worker")
    # The master counts a worker's free cores and an application's own at two moments: cores that nobody else holds are
    # those of this driver's executors, which come and go.
    taken = _taken(free, request, "worker") if _others_hold_cores(state, application) else ""
    return (
        too_large
        or taken
        or "workers have room: either executors end as soon as they start, or the master gives none. Look at "
        f"work/{application}/<n>/stderr on a worker, and at the master's log"
    )


def _own_cores(state: Mapping[str, Any], application: str) -> bool:
    return any(app.get("id") == application and app.get("cores") for app in state.get("activeapps", []))


def _others_hold_cores(state: Mapping[str, Any], application: str) -> bool:
    """Whether another application, or a driver on the cluster, holds cores of a standalone master's workers."""
    applications = any(app.get("id") != application and app.get("cores") for app in state.get("activeapps", []))
    return applications or any(driver.get("cores") for driver in state.get("activedrivers", []))


def mesos_cause(
    agents: Sequence[Mapping[str, Any]],
    frameworks: Sequence[Mapping[str, Any]],
    application: str,
    request: ExecutorRequest,
) -> str:
    """The cause by a Mesos master's ``/slaves`` and ``/frameworks``.

    Args:
        agents: ``slaves`` of the first; memory in MiB.
        frameworks: ``frameworks`` of the second.
        application: the framework's id, which is the Spark application's.
        request: the needs of one executor.
    """
    active = [agent for agent in agents if agent.get("active", True)]
    if not active:
        return "no agent is registered with the master: start one, or look at the agents' logs"
    tasks = [
        task
        for framework in frameworks
        if framework.get("id") == application
        for task in framework.get("completed_tasks", [])
    ]
    failed = [task for task in tasks if task.get("state") in _FAILED]
    if failed:
        return _failed(failed, agents, request)
    fitting = [agent for agent in active if meets(agent.get("attributes", {}), request.constraints)]
    if not fitting:
        have = "; ".join(sorted({attributes_of(agent) for agent in active})[:5])
        return (
            f"none of the {len(active)} agents meets {request.settings('spark.mesos.constraints')}: they have {have}. "
            "Correct constraints in the cluster profile, or the agents' attributes"
        )
    sizes, free = agent_sizes(fitting)
    return _too_large(sizes, request, "agent") or _taken(free, request, "agent") or _not_offered(request)


def unknown_cause(request: ExecutorRequest, trouble: str) -> str:
    """All possible causes, where the cluster manager's pages could not be read because of ``trouble``."""
    where = (
        f"{request.ui} could not be read ({trouble})" if request.ui else "master_ui is not set in the cluster profile"
    )
    causes = [f"executor memory larger than any offer ({request.memory_mb} MiB)", f"no {request.cores} free cores"]
    if request.master.startswith("mesos://"):
        causes += ["constraints that no agent meets", "a wrong executor home", "an image that agents can't run"]
        causes += ["resources of another role"]
        settings = request.settings("spark.mesos.constraints", "spark.mesos.role", *_HOMES)
        return f"{where}, so it may be: {'; '.join(causes)} ({settings or 'none of these is set'})"
    return f"{where}, so it may be: {'; '.join(causes)}; executors that can't reach the driver"


def _too_large(sizes: Sequence[tuple[int, int]], request: ExecutorRequest, kind: str) -> str:
    cores, memory = max(size[0] for size in sizes), max(size[1] for size in sizes)
    if request.memory_mb > memory:
        return (
            f"an executor wants {request.memory_mb} MiB of memory ({request.settings('spark.executor.memory')} with "
            f"what Spark adds), and the largest {kind} has {memory} MiB: lower executor_memory in the cluster profile"
        )
    if request.cores > cores:
        return (
            f"an executor wants {request.cores} cores, and the largest {kind} has {cores}: lower executor_cores in the "
            "cluster profile"
        )
    return ""


def _taken(free: Sequence[tuple[int, int]], request: ExecutorRequest, kind: str) -> str:
    if any(cores >= request.cores and memory >= request.memory_mb for cores, memory in free):
        return ""
    most = ", ".join(f"{cores} cores and {memory} MiB" for cores, memory in sorted(free, reverse=True)[:3])
    return (
        f"no {kind} has {request.cores} cores and {request.memory_mb} MiB free beside other jobs (free: {most}): wait "
        "for them, bound them with cores_max, or give this job less"
    )


def _failed(failed: Sequence[Mapping[str, Any]], agents: Sequence[Mapping[str, Any]], request: ExecutorRequest) -> str:
    last = failed[-1]
    messages = [status["message"] for status in last.get("statuses", []) if status.get("message")]
    hosts = {agent.get("id"): agent.get("hostname") for agent in agents}
    host = hosts.get(last.get("slave_id"), "an agent")
    if request.properties.get("spark.mesos.executor.docker.image"):
        advice = "can the agent run that image, with Spark in executor_home and the Python of the profile in it?"
    else:
        advice = "is Spark's folder (executor_home, or the driver's own SPARK_HOME) on the agents, and Java?"
    return (
        f"{len(failed)} executors were started and ended at once, the last on {host} as {last['state']} "
        f"({messages[-1] if messages else 'without a message'}), and Mesos gives none after two: {advice} "
        f"({request.settings(*_HOMES) or 'neither home, URI nor image is set'}). See also stderr in its sandbox"
    )


def _not_offered(request: ExecutorRequest) -> str:
    return (
        "agents have room, and none of it is offered to this driver: check role, reservations and quotas "
        f"({request.settings('spark.mesos.role', 'spark.mesos.principal') or 'no role is set'}), and other frameworks"
    )


_TIMEOUTS = Timeouts(connect=15.0, read=15.0)
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
    with http_session(_TIMEOUTS, proxies=True, redirects=True) as session:
        answer = session.get(address)
    answer.raise_for_status()
    return answer.json()
