"""Agents of a Mesos cluster as its master lists them: their sizes, what Spark asks of them, and their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class Resources(TypedDict, total=False):
    """Of the resources of an agent those that are counted: cores and MiB."""

    cpus: float
    mem: float


class Agent(TypedDict):
    """An agent, as the master's ``/slaves`` lists it; an attribute is a number or a text."""

    id: str
    hostname: str
    pid: str
    port: NotRequired[int]
    active: NotRequired[bool]
    attributes: NotRequired[Mapping[str, float | str]]
    resources: Resources
    used_resources: NotRequired[Resources]


class TaskStatus(TypedDict, total=False):
    """One state that a task was in."""

    message: str


class MesosTask(TypedDict):
    """A task of a framework."""

    id: str
    slave_id: str
    state: str
    executor_id: NotRequired[str]
    statuses: NotRequired[Sequence[TaskStatus]]


class Framework(TypedDict):
    """A framework, as the master's ``/frameworks`` lists it; the tasks of a lost agent are the unreachable ones."""

    id: str
    name: NotRequired[str]
    active: NotRequired[bool]
    connected: NotRequired[bool]
    tasks: NotRequired[Sequence[MesosTask] | None]
    completed_tasks: NotRequired[Sequence[MesosTask] | None]
    unreachable_tasks: NotRequired[Sequence[MesosTask] | None]


class Frameworks(TypedDict, total=False):
    """The page ``/frameworks``."""

    frameworks: Sequence[Framework]
    completed_frameworks: Sequence[Framework]


_LEAST_OVERHEAD_MB, _OVERHEAD = 384, 0.1
"""What Spark adds on Mesos to the heap of a JVM: this share of it, and no less than so many MiB."""


def overhead_mb(memory_mb: int, factor: str | None) -> int:
    """MiB that Spark adds to so many; ``factor`` is the share, where a property sets one."""
    return max(_LEAST_OVERHEAD_MB, int(memory_mb * float(factor if factor is not None else _OVERHEAD)))


def constraints_of(text: str) -> dict[str, set[str]]:
    """The attributes of ``rack:r1,r2;disk:ssd``, each with the values that are accepted; without values any is."""
    pairs = [part.partition(":") for part in text.split(";") if part]
    return {name: {value for value in values.split(",") if value} for name, _, values in pairs}


def agent_sizes(agents: Sequence[Agent]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Cores and MiB of each Mesos agent, and how much of them is free."""
    sizes = [_offer(agent["resources"]) for agent in agents]
    used = [_offer(agent.get("used_resources", Resources())) for agent in agents]
    return sizes, [(cores - busy[0], memory - busy[1]) for (cores, memory), busy in zip(sizes, used, strict=True)]


def _offer(resources: Resources) -> tuple[int, int]:
    return int(resources.get("cpus", 0)), int(resources.get("mem", 0))


def attributes_of(agent: Agent) -> str:
    """The attributes of a Mesos agent, for messages."""
    attributes = agent.get("attributes", {})
    return ",".join(f"{name}:{value}" for name, value in sorted(attributes.items())) or "no attributes"


def tasks_of(framework: Framework) -> list[MesosTask]:
    """All tasks of a framework, those of lost agents last."""
    kinds = (framework.get("tasks"), framework.get("completed_tasks"), framework.get("unreachable_tasks"))
    return [task for tasks in kinds for task in tasks or ()]


def meets(attributes: Mapping[str, float | str], constraints: Mapping[str, set[str]]) -> bool:
    """Whether a Mesos agent has the attributes that ``constraints`` names, by Spark's rule."""
    return all(_has_one_of(attributes.get(name), values) for name, values in constraints.items())


def _has_one_of(have: float | str | None, values: set[str]) -> bool:
    """Spark's rule: one value of a text or a set is enough, a number must reach the smallest that is required."""
    if have is None or not values:
        return have is not None
    if isinstance(have, int | float):
        return any(re.fullmatch(r"[\d.]+", value) and float(value) <= have for value in values)
    return bool(values & set(re.split(r"[,{}\s]+", str(have))))
