"""Why a driver on the cluster waits for a place, by the cluster manager's own pages.

Mesos' dispatcher takes drivers that it can never launch: those larger than any agent, and all of them once it has lost
its master. It gives no reason for either; the master's pages show both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afterbell.cluster.executor_request import LEAST_OVERHEAD_MB, OVERHEAD, constraints_of, megabytes
from afterbell.cluster.mesos_agents import agent_sizes, attributes_of, meets
from afterbell.cluster.profile import ClusterProfile

DISPATCHER = "Spark Cluster"
"""The name that a dispatcher registers under, unless it was started with another (``--name``)."""
_DRIVER_TASK = re.compile(r"driver-\d{14}-\d{4,}(-retry-\d+)?")
_AFTER_RESTART = (
    "a dispatcher without ZooKeeper doesn't notice that its master was restarted: it takes drivers and launches none. "
    "Restart the dispatcher, then the step"
)


@dataclass(frozen=True)
class DriverNeeds:
    """What an offer must have for the driver.

    Attributes:
        cores: of the driver.
        heap: of its JVM, as the profile writes it.
        overheads_mb: MiB that Spark adds to the heap; twice on Mesos, not at all on a standalone worker.
        constraints: attributes that the agent must have, each with the values that are accepted.
    """

    cores: int
    heap: str
    overheads_mb: tuple[int, ...]
    constraints: Mapping[str, set[str]]

    @property
    def memory_mb(self) -> int:
        """MiB in all."""
        return megabytes(self.heap) + sum(self.overheads_mb)

    @property
    def text(self) -> str:
        """Cores and memory, for messages."""
        if not self.overheads_mb:
            return f"{self.cores} cores and {self.heap}"
        added = " and ".join(str(overhead) for overhead in self.overheads_mb)
        return (
            f"{self.cores} cores and {self.heap} of heap, {self.memory_mb} MiB in all (Spark adds the overhead twice "
            f"on Mesos: {added} MiB)"
        )

    @classmethod
    def of(cls, cluster: ClusterProfile, properties: Mapping[str, str]) -> DriverNeeds:
        """The needs of a driver with these Spark properties.

        Source: ``MesosSubmitRequestServlet`` and ``MesosSchedulerUtils.driverContainerMemory`` of Spark 3.5.
        """
        heap = megabytes(cluster.driver_memory)
        constraints = constraints_of(properties.get("spark.mesos.driver.constraints", ""))
        if cluster.manager != "mesos":
            return cls(cluster.driver_cores, cluster.driver_memory, (), {})
        factor = float(properties.get("spark.driver.memoryOverheadFactor", OVERHEAD))
        first = _overhead(properties.get("spark.driver.memoryOverhead"), heap, factor)
        second = _overhead(properties.get("spark.mesos.driver.memoryOverhead"), heap + first, factor)
        return cls(cluster.driver_cores, cluster.driver_memory, (first, second), constraints)


def _overhead(given: str | None, memory_mb: int, factor: float) -> int:
    return megabytes(given) if given else max(LEAST_OVERHEAD_MB, int(factor * memory_mb))


@dataclass(frozen=True)
class PlaceCause:
    """Why a driver has no place.

    Attributes:
        text: the cause and what to do, in a sentence or two.
        never: no wait helps, as long as the cluster stays as it is.
        unregistered: Mesos' dispatcher has lost its master, whatever the driver needs.
    """

    text: str
    never: bool = False
    unregistered: bool = False


def mesos_place_cause(
    agents: Sequence[Mapping[str, Any]], frameworks: Sequence[Mapping[str, Any]], needs: DriverNeeds
) -> PlaceCause:
    """The cause by a Mesos master's ``/slaves`` and ``/frameworks``.

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
    return _by_size(sizes, free, needs, "agent") or PlaceCause(
        "agents have room, and the dispatcher was offered none of it or declined it: look at its log and page, at "
        "spark.mesos.rejectOfferDuration (120 s), at its role, and at quotas"
    )


def standalone_place_cause(state: Mapping[str, Any], needs: DriverNeeds) -> PlaceCause:
    """The cause by a standalone master's ``/json/``."""
    alive = [worker for worker in state.get("workers", []) if worker.get("state") == "ALIVE"]
    if not alive:
        return PlaceCause("no worker is registered with the master: start one, or look at the workers' logs")
    sizes = [(int(worker["cores"]), int(worker["memory"])) for worker in alive]
    free = [(int(worker["coresfree"]), int(worker["memoryfree"])) for worker in alive]
    return _by_size(sizes, free, needs, "worker") or PlaceCause("workers have room: look at the master's log")


def _by_size(
    sizes: Sequence[tuple[int, int]], free: Sequence[tuple[int, int]], needs: DriverNeeds, kind: str
) -> PlaceCause | None:
    if any(cores >= needs.cores and memory >= needs.memory_mb for cores, memory in free):
        return None
    if any(cores >= needs.cores and memory >= needs.memory_mb for cores, memory in sizes):
        most = ", ".join(f"{cores} cores and {memory} MiB" for cores, memory in sorted(free, reverse=True)[:3])
        return PlaceCause(f"no {kind} has that free beside other jobs (free: {most}): wait for them, or give more")
    largest = ", ".join(f"{cores} cores and {memory} MiB" for cores, memory in sorted(sizes, reverse=True)[:3])
    return PlaceCause(
        f"no {kind} is that large, even without other jobs (the largest have {largest}): lower driver_memory or "
        f"driver_cores in the cluster profile, or add a larger {kind}",
        never=True,
    )


def _is_dispatcher(framework: Mapping[str, Any]) -> bool:
    tasks = [task for kind in ("tasks", "completed_tasks", "unreachable_tasks") for task in framework.get(kind) or ()]
    return framework.get("name") == DISPATCHER or any(_DRIVER_TASK.fullmatch(str(task.get("id"))) for task in tasks)


def _not_registered(registered: Sequence[Mapping[str, Any]]) -> PlaceCause:
    names = sorted({str(framework.get("name")) for framework in registered})
    if not names:
        text = f"no dispatcher is registered with the Mesos master: {_AFTER_RESTART}"
        return PlaceCause(text, never=True, unregistered=True)
    return PlaceCause(
        f"no dispatcher seems to be registered with the Mesos master: none of its frameworks is called {DISPATCHER!r} "
        f"or has launched a driver ({', '.join(names[:5])}). If yours has another name, look at its log; else "
        f"{_AFTER_RESTART}",
        unregistered=True,
    )
