"""The resources of a driver on Mesos, and why it waits for a place, by the pages of the Mesos master.

The dispatcher takes drivers that it can never launch: those larger than any agent, and all of them once it has lost its
master. It gives no reason for either; the master's pages show both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.executor_request import megabytes
from afterbell.cluster.managers.capacity import no_room
from afterbell.cluster.managers.contract import UNREADABLE, ReadPage
from afterbell.cluster.managers.mesos.agents import (
    Agent,
    Framework,
    agent_sizes,
    attributes_of,
    constraints_of,
    meets,
    overhead_mb,
    tasks_of,
)
from afterbell.cluster.profile_keys import ProfileKeys

DISPATCHER = "Spark Cluster"
"""The name that a dispatcher registers under, unless it was started with another (``--name``)."""
_DRIVER_TASK = re.compile(r"driver-\d{14}-\d{4,}(-retry-\d+)?")
_AFTER_RESTART = (
    "a dispatcher without ZooKeeper doesn't notice that its master was restarted: it takes drivers and launches none. "
    "Restart the dispatcher, then the step"
)


def driver_needs(profile: ProfileKeys, properties: Mapping[str, str]) -> DriverNeeds:
    """The needs of a driver with these Spark properties: the overhead is added twice.

    Source: ``MesosSubmitRequestServlet`` and ``MesosSchedulerUtils.driverContainerMemory`` of Spark 3.5.
    """
    heap = megabytes(profile.driver_memory)
    factor = properties.get("spark.driver.memoryOverheadFactor")
    first = _overhead(properties.get("spark.driver.memoryOverhead"), heap, factor)
    second = _overhead(properties.get("spark.mesos.driver.memoryOverhead"), heap + first, factor)
    return DriverNeeds(
        profile.driver_cores,
        profile.driver_memory,
        overheads_mb=(first, second),
        added="Spark adds the overhead twice on Mesos",
        constraints=constraints_of(properties.get("spark.mesos.driver.constraints", "")),
    )


def _overhead(given: str | None, memory_mb: int, factor: str | None) -> int:
    return megabytes(given) if given else overhead_mb(memory_mb, factor)


def place_cause(ui: str, needs: DriverNeeds, read_page: ReadPage) -> PlaceCause | None:
    """The cause by the master's ``/slaves`` and ``/frameworks``; None where it may hide the dispatcher from us."""
    agents, frameworks = read_page(f"{ui}/slaves").json(), read_page(f"{ui}/frameworks").json()
    cause = mesos_place_cause(agents["slaves"], frameworks["frameworks"], needs)
    return None if cause.unregistered and _hides_frameworks(ui, frameworks["frameworks"], read_page) else cause


def _hides_frameworks(ui: str, shown: Sequence[Framework], read_page: ReadPage) -> bool:
    """Whether the master counts more active frameworks than it shows: its rules may hide them from us."""
    try:
        return int(read_page(f"{ui}/metrics/snapshot").json()["master/frameworks_active"]) > len(shown)
    except UNREADABLE:
        return False


def mesos_place_cause(agents: Sequence[Agent], frameworks: Sequence[Framework], needs: DriverNeeds) -> PlaceCause:
    """Why a driver has no place, by a Mesos master's ``/slaves`` and ``/frameworks``.

    Args:
        agents: ``slaves`` of the first; memory in MiB.
        frameworks: ``frameworks`` of the second.
        needs: of the driver.
    """
    registered = [
        framework for framework in frameworks if framework.get("active", True) and framework.get("connected", True)
    ]
    if not any(_is_dispatcher(framework) for framework in registered):
        return _not_registered(registered)
    active = [agent for agent in agents if agent.get("active", True)]
    if not active:
        return PlaceCause(
            "no agent is registered with the Mesos master: start one. After a restart of the master agents return "
            "within two minutes"
        )
    fitting = [agent for agent in active if meets(agent.get("attributes", {}), needs.constraints)]
    if not fitting:
        have = "; ".join(sorted({attributes_of(agent) for agent in active})[:5])
        return PlaceCause(
            f"none of the {len(active)} agents meets spark.mesos.driver.constraints: they have {have}", never=True
        )
    sizes, free = agent_sizes(fitting)
    return no_room(sizes, free, needs, "agent") or PlaceCause(
        "agents have room, and the dispatcher was offered none of it or declined it: look at its log and page, at "
        "spark.mesos.rejectOfferDuration (120 s), at its role, and at quotas"
    )


def _is_dispatcher(framework: Framework) -> bool:
    tasks = tasks_of(framework)
    return framework.get("name") == DISPATCHER or any(_DRIVER_TASK.fullmatch(str(task.get("id"))) for task in tasks)


def _not_registered(registered: Sequence[Framework]) -> PlaceCause:
    names = sorted({str(framework.get("name")) for framework in registered})
    if not names:
        text = f"no dispatcher is registered with the Mesos master: {_AFTER_RESTART}"
        return PlaceCause(text, never=True, unregistered=True, page="/frameworks")
    return PlaceCause(
        f"no dispatcher seems to be registered with the Mesos master: none of its frameworks is called {DISPATCHER!r} "
        f"or has launched a driver ({', '.join(names[:5])}). If yours has another name, look at its log; else "
        f"{_AFTER_RESTART}",
        unregistered=True,
        page="/frameworks",
    )
