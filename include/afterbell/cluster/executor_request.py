"""The resources that a driver requests for each executor, read from its Spark properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from afterbell.cluster.properties import MASTER_UI

_UNITS = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}


@dataclass(frozen=True)
class ExecutorRequest:
    """The needs of one executor.

    Attributes:
        master: Spark's master address.
        memory_mb: MiB that an offer must have, with what the cluster manager adds to the heap.
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
        """The needs that ``properties`` state, where the cluster manager adds nothing to the heap."""
        memory = megabytes(properties.get("spark.executor.memory", "1g"))
        cores = int(properties.get("spark.executor.cores", "1"))
        return cls(properties.get("spark.master", ""), memory, cores, properties.get(MASTER_UI, ""), properties)

    def settings(self, *names: str) -> str:
        """The properties ``names`` that are set, as ``name=value``."""
        return ", ".join(f"{name}={self.properties[name]}" for name in names if self.properties.get(name))


def megabytes(text: str) -> int:
    """MiB of a size as Spark writes it (``4g``, ``512m``); without a unit it is MiB."""
    match = re.fullmatch(r"(\d+)([kmgt])?b?", text.strip().lower())
    return int(int(match[1]) * _UNITS[match[2] or "m"]) if match else 0
