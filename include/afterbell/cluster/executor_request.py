"""What a driver requests from its cluster for each executor, read from its Spark properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from afterbell.cluster.properties import MASTER_UI

_UNITS = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}
LEAST_OVERHEAD_MB, OVERHEAD = 384, 0.1
"""What Spark adds on Mesos to the heap of a JVM: this share of it, and no less than so many MiB."""


@dataclass(frozen=True)
class ExecutorRequest:
    """The needs of one executor.

    Attributes:
        master: Spark's master address.
        memory_mb: MiB that an offer must have; on Mesos Spark adds a tenth to the heap, 384 MiB at least.
        cores: cores of one executor; 1 where it takes what is offered.
        ui: address of the cluster manager's pages; empty where it isn't known.
        properties: Spark's own, for messages.
    """

    master: str
    memory_mb: int
    cores: int
    ui: str
    properties: Mapping[str, str]

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> ExecutorRequest:
        """The needs that ``properties`` state."""
        master = properties.get("spark.master", "")
        memory = megabytes(properties.get("spark.executor.memory", "1g"))
        if master.startswith("mesos://"):
            overhead = properties.get("spark.mesos.executor.memoryOverhead")
            factor = float(properties.get("spark.executor.memoryOverheadFactor", OVERHEAD))
            memory += int(overhead) if overhead else max(LEAST_OVERHEAD_MB, int(memory * factor))
        ui = properties.get(MASTER_UI, "")
        if not ui and re.fullmatch(r"mesos://[^/]+", master):
            ui = f"http://{master.removeprefix('mesos://')}"
        return cls(master, memory, int(properties.get("spark.executor.cores", "1")), ui, properties)

    @property
    def constraints(self) -> dict[str, set[str]]:
        """The attributes that an agent must have, each with the values that are accepted; without values any is."""
        return constraints_of(self.properties.get("spark.mesos.constraints", ""))

    def settings(self, *names: str) -> str:
        """The properties ``names`` that are set, as ``name=value``."""
        return ", ".join(f"{name}={self.properties[name]}" for name in names if self.properties.get(name))


def constraints_of(text: str) -> dict[str, set[str]]:
    """The attributes of ``rack:r1,r2;disk:ssd``, each with the values that are accepted."""
    pairs = [part.partition(":") for part in text.split(";") if part]
    return {name: {value for value in values.split(",") if value} for name, _, values in pairs}


def megabytes(text: str) -> int:
    """MiB of a size as Spark writes it (``4g``, ``512m``); without a unit it is MiB."""
    match = re.fullmatch(r"(\d+)([kmgt])?b?", text.strip().lower())
    return int(int(match[1]) * _UNITS[match[2] or "m"]) if match else 0
