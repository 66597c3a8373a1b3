"""Checks of a probe task on its executor: packages, our own rooms, the stores, the warehouse."""

from __future__ import annotations

import os
import pkgutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import afterbell
from afterbell.cluster.environment_check import HostFacts, facts
from afterbell.config.runtime import Runtime
from afterbell.lake.storage import open_storage, reachable
from afterbell.stores.preflight import check_stores

_FOLDER = ".afterbell-probe"
_NOT_THERE = ("afterbell.airflow", "afterbell.embedded", "afterbell.cli")  # rooms that are not sent
_LONGEST = 400


class ExecutorFacts(HostFacts):
    """The result of a ``Look``."""

    cores: int
    memory_gb: float
    rooms: str
    stores: str
    warehouse: str


@dataclass(frozen=True)
class Look:
    """A look at one executor; ``rooms``, ``stores`` and ``warehouse`` of its result hold the trouble, or are empty.

    Attributes:
        runtime: the stores.
        packages: whose versions are looked up.
        marker: name of the file that the driver left in the warehouse; empty where only Iceberg reaches it.
    """

    runtime: Runtime
    packages: tuple[str, ...]
    marker: str

    def __call__(self) -> ExecutorFacts:
        """Look; nothing that is wrong raises."""
        return {
            **facts(self.packages),
            "cores": os.cpu_count() or 0,
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "rooms": trouble(_import_rooms),
            "stores": trouble(lambda: check_stores(self.runtime)),
            "warehouse": trouble(self._warehouse) if self.marker else "",
        }

    def _warehouse(self) -> None:
        content = read_marker(self.runtime, self.marker)
        if content != self.marker:
            raise ValueError(f"the driver's file holds {content!r} here: is the warehouse another folder on each host?")
        drop_marker(self.runtime, leave_marker(self.runtime))


def trouble(look: Callable[[], object]) -> str:
    """Why ``look`` failed, on one line; empty if it did not."""
    try:
        look()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the trouble
        return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_LONGEST]
    return ""


def leave_marker(runtime: Runtime) -> str:
    """Write a small file into the warehouse and return its name; an empty name where only Iceberg reaches it."""
    if not reachable(runtime.lake.warehouse):
        return ""
    name = uuid.uuid4().hex
    system, root = open_storage(runtime.lake.warehouse, runtime.s3)
    if runtime.lake.warehouse.startswith(("file:", "/")):
        system.create_dir(f"{root}/{_FOLDER}", recursive=True)
    with system.open_output_stream(f"{root}/{_FOLDER}/{name}") as stream:
        stream.write(name.encode())
    return name


def read_marker(runtime: Runtime, name: str) -> str:
    """The content of the file ``name`` of ``leave_marker``, as read from here."""
    system, root = open_storage(runtime.lake.warehouse, runtime.s3)
    with system.open_input_stream(f"{root}/{_FOLDER}/{name}") as stream:
        return str(stream.read().decode())


def drop_marker(runtime: Runtime, name: str) -> None:
    """Remove that file."""
    if name:
        system, root = open_storage(runtime.lake.warehouse, runtime.s3)
        system.delete_file(f"{root}/{_FOLDER}/{name}")


def _import_rooms() -> None:
    for module in pkgutil.walk_packages(afterbell.__path__, "afterbell."):
        if not module.name.startswith(_NOT_THERE) and not module.name.endswith("__main__"):
            import_module(module.name)
