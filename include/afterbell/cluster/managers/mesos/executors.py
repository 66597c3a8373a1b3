"""The resources of an executor on Mesos, and why an application has none, by the pages of the Mesos master."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers.capacity import taken, too_large
from afterbell.cluster.managers.contract import ReadPage
from afterbell.cluster.managers.mesos.agents import (
    Agent,
    Framework,
    MesosTask,
    agent_sizes,
    attributes_of,
    constraints_of,
    meets,
    overhead_mb,
)

_FAILED = {"TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_GONE", "TASK_DROPPED"}
_HOMES = ("spark.mesos.executor.home", "spark.executor.uri", "spark.mesos.executor.docker.image")


def executor_request(properties: Mapping[str, str]) -> ExecutorRequest:
    """The needs that ``properties`` state: Spark adds a tenth to the heap, 384 MiB at least."""
    request = ExecutorRequest.of(properties)
    given = properties.get("spark.mesos.executor.memoryOverhead")
    factor = properties.get("spark.executor.memoryOverheadFactor")
    overhead = int(given) if given else overhead_mb(request.memory_mb, factor)
    ui = request.ui
    if not ui and re.fullmatch(r"mesos://[^/]+", request.master):
        ui = f"http://{request.master.removeprefix('mesos://')}"
    return replace(request, memory_mb=request.memory_mb + overhead, ui=ui)


def executor_cause(request: ExecutorRequest, application: str, read_page: ReadPage) -> str:
    """The cause by the master's ``/slaves`` and ``/frameworks``; see ``mesos_cause``."""
    agents, frameworks = read_page(f"{request.ui}/slaves").json(), read_page(f"{request.ui}/frameworks").json()
    return mesos_cause(agents["slaves"], frameworks["frameworks"], application, request)


def mesos_cause(
    agents: Sequence[Agent],
    frameworks: Sequence[Framework],
    application: str,
    request: ExecutorRequest,
) -> str:
    """Why an application has no executor, by a Mesos master's ``/slaves`` and ``/frameworks``.

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
        for task in framework.get("completed_tasks") or ()
    ]
    failed = [task for task in tasks if task.get("state") in _FAILED]
    if failed:
        return _failed(failed, agents, request)
    constraints = constraints_of(request.properties.get("spark.mesos.constraints", ""))
    fitting = [agent for agent in active if meets(agent.get("attributes", {}), constraints)]
    if not fitting:
        have = "; ".join(sorted({attributes_of(agent) for agent in active})[:5])
        return (
            f"none of the {len(active)} agents meets {request.settings('spark.mesos.constraints')}: they have {have}. "
            "Correct constraints in the cluster profile, or the agents' attributes"
        )
    sizes, free = agent_sizes(fitting)
    return too_large(sizes, request, "agent") or taken(free, request, "agent") or _not_offered(request)


def _failed(failed: Sequence[MesosTask], agents: Sequence[Agent], request: ExecutorRequest) -> str:
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


def other_causes(request: ExecutorRequest) -> str:
    """Why an application may have no executor besides memory and cores, where the pages cannot be read."""
    settings = request.settings("spark.mesos.constraints", "spark.mesos.role", *_HOMES)
    return (
        "constraints that no agent meets; a wrong executor home; an image that agents can't run; resources of another "
        f"role ({settings or 'none of these is set'})"
    )
