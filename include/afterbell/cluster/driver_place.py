"""The resources that a driver needs on a node, and the reasons why no node has a place for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afterbell.cluster.executor_request import megabytes


@dataclass(frozen=True)
class DriverNeeds:
    """The resources of an offer that the driver needs.

    Attributes:
        cores: of the driver.
        heap: of its JVM, as the profile writes it.
        overheads_mb: MiB that are added to the heap, each time that something is; none on a standalone worker.
        added: how they are added, for messages.
        constraints: attributes that the node must have, each with the values that are accepted.
    """

    cores: int
    heap: str
    overheads_mb: tuple[int, ...] = ()
    added: str = ""
    constraints: Mapping[str, set[str]] = field(default_factory=dict)

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
        return f"{self.cores} cores and {self.heap} of heap, {self.memory_mb} MiB in all ({self.added}: {added} MiB)"


@dataclass(frozen=True)
class PlaceCause:
    """Why a driver has no place.

    Attributes:
        text: the cause and what to do, in a sentence or two.
        never: no wait helps, as long as the cluster stays as it is.
        unregistered: what launches drivers has lost its master, whatever the driver needs.
        page: the path of the page that shows it, below the cluster's first.
    """

    text: str
    never: bool = False
    unregistered: bool = False
    page: str = ""
