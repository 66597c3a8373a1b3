"""The state of a driver on the cluster, whichever cluster manager reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict


class DriverState(StrEnum):
    """The state of a driver."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN = "UNKNOWN"

    @property
    def over(self) -> bool:
        """Whether this state is final to the cluster; a lost driver may still be running."""
        return self in _OVER


_OVER = frozenset({DriverState.FINISHED, DriverState.FAILED, DriverState.KILLED, DriverState.LOST})


class StatusDocument(TypedDict):
    """A ``DriverStatus`` as JSON values."""

    state: str
    message: str
    worker: str
    host: str
    exit_status: int | None


@dataclass(frozen=True)
class DriverStatus:
    """One answer about a driver.

    Attributes:
        state: its state, or how it really ended.
        message: the cluster's message, or empty.
        worker: id of the standalone worker or of the Mesos agent; empty where unknown.
        host: ``host:port`` of the standalone worker; empty where unknown.
        exit_status: of the driver's process, where the cluster reports it.
    """

    state: DriverState
    message: str = ""
    worker: str = ""
    host: str = ""
    exit_status: int | None = None

    def to_json(self) -> StatusDocument:
        """JSON values."""
        return {
            "state": self.state.value, "message": self.message, "worker": self.worker, "host": self.host,
            "exit_status": self.exit_status,
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: StatusDocument) -> DriverStatus:
        """The status that ``to_json`` wrote."""
        return cls(
            DriverState(values["state"]), values["message"], values["worker"], values["host"], values["exit_status"]
        )
