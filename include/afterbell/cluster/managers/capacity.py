"""Whether nodes are large enough, and have enough that is free, for an executor or a driver."""

from __future__ import annotations

from collections.abc import Sequence

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.executor_request import ExecutorRequest


def too_large(sizes: Sequence[tuple[int, int]], request: ExecutorRequest, kind: str) -> str:
    """Why no node could ever take an executor; empty where one could.

    Args:
        sizes: cores and MiB of each node.
        request: the needs of one executor.
        kind: what a node is called.
    """
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


def taken(free: Sequence[tuple[int, int]], request: ExecutorRequest, kind: str) -> str:
    """Why no node can take an executor beside other jobs; empty where one can.

    Args:
        free: cores and MiB of each node that nobody has.
        request: the needs of one executor.
        kind: what a node is called.
    """
    if any(cores >= request.cores and memory >= request.memory_mb for cores, memory in free):
        return ""
    return (
        f"no {kind} has {request.cores} cores and {request.memory_mb} MiB free beside other jobs (free: {_most(free)})"
        ": wait for them, bound them with cores_max, or give this job less"
    )


def no_room(
    sizes: Sequence[tuple[int, int]], free: Sequence[tuple[int, int]], needs: DriverNeeds, kind: str
) -> PlaceCause | None:
    """Why no node can take a driver; None where one can.

    Args:
        sizes: cores and MiB of each node.
        free: those that nobody has.
        needs: of the driver.
        kind: what a node is called.
    """
    if any(cores >= needs.cores and memory >= needs.memory_mb for cores, memory in free):
        return None
    if any(cores >= needs.cores and memory >= needs.memory_mb for cores, memory in sizes):
        return PlaceCause(
            f"no {kind} has that free beside other jobs (free: {_most(free)}): wait for them, or give more"
        )
    return PlaceCause(
        f"no {kind} is that large, even without other jobs (the largest have {_most(sizes)}): lower driver_memory or "
        f"driver_cores in the cluster profile, or add a larger {kind}",
        never=True,
    )


def _most(sizes: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{cores} cores and {memory} MiB" for cores, memory in sorted(sizes, reverse=True)[:3])
