"""Agents of a Mesos cluster as its master lists them: their sizes, what Spark asks of them, and their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_LEAST_OVERHEAD_MB, _OVERHEAD = 384, 0.1
"""What Spark adds on Mesos to the heap of a JVM: this share of it, and no less than so many MiB."""


def overhead_mb(memory_mb: int, factor: str | None) -> int:
    """MiB that Spark adds to so many; ``factor`` is the share, where a property sets one."""
    return max(_LEAST_OVERHEAD_MB, int(memory_mb * float(factor if factor is not None else _OVERHEAD)))


def constraints_of(text: str) -> dict[str, set[str]]:
    """The attributes of ``rack:r1,r2;disk:ssd``, each with the values that are accepted; without values any is."""
    pairs = [part.partition(":") for part in text.split(";") if part]
    return {name: {value for value in values.split(",") if value} for name, _, values in pairs}


def agent_sizes(agents: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Cores and MiB of each Mesos agent, and how much of them is free."""
    sizes = [_offer(agent["resources"]) for agent in agents]
    used = [_offer(agent.get("used_resources", {})) for agent in agents]
    return sizes, [(cores - busy[0], memory - busy[1]) for (cores, memory), busy in zip(sizes, used, strict=True)]


def _offer(resources: Mapping[str, Any]) -> tuple[int, int]:
    return int(resources.get("cpus", 0)), int(resources.get("mem", 0))


def attributes_of(agent: Mapping[str, Any]) -> str:
    """The attributes of a Mesos agent, for messages."""
    attributes = agent.get("attributes", {})
    return ",".join(f"{name}:{value}" for name, value in sorted(attributes.items())) or "no attributes"


def meets(attributes: Mapping[str, Any], constraints: Mapping[str, set[str]]) -> bool:
    """Whether a Mesos agent has the attributes that ``constraints`` names, by Spark's rule."""
    return all(_has_one_of(attributes.get(name), values) for name, values in constraints.items())


def _has_one_of(have: Any, values: set[str]) -> bool:
    """Spark's rule: one value of a text or a set is enough, a number must reach the smallest that is required."""
    if have is None or not values:
        return have is not None
    if isinstance(have, int | float):
        return any(re.fullmatch(r"[\d.]+", value) and float(value) <= have for value in values)
    return bool(values & set(re.split(r"[,{}\s]+", str(have))))
