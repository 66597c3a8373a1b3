"""When waiting for a driver is over, and why, from the cluster's answers and their times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from afterbell.cluster.driver_status import DriverState, DriverStatus

_SHORTEST, _LONGEST, _SHARE = 1.0, 15.0, 0.05
"""Seconds between looks: a twentieth of the time waited so far, within these bounds."""


class Ending(StrEnum):
    """Why the wait for a driver is over."""

    OVER = "over"
    UNSTARTED = "unstarted"
    UNREACHABLE = "unreachable"
    MISSING = "missing"
    OVERTIME = "overtime"


class LimitsDocument(TypedDict):
    """``DriverLimits`` as JSON values: ISO instants and seconds."""

    began: str
    deadline: str
    overtime: str | None
    queued: float
    outage: float
    missing: float


@dataclass(frozen=True)
class DriverLimits:
    """How long to wait for each thing; all instants carry their zone.

    Attributes:
        began: when the driver was submitted.
        deadline: of the run: a cluster that does not answer is asked until then, and for ``outage`` at least.
        overtime: when the driver is ended whatever it does; None for never.
        queued: how long a driver may wait for a place.
        outage: how long a cluster that does not answer is asked at least.
        missing: how long the result of a driver that the cluster does not know (any more) is waited for.
    """

    began: datetime
    deadline: datetime
    overtime: datetime | None = None
    queued: timedelta = timedelta(minutes=3)
    outage: timedelta = timedelta(minutes=10)
    missing: timedelta = timedelta(minutes=2)

    def to_json(self) -> LimitsDocument:
        """JSON values: ISO instants and seconds."""
        return {
            "began": self.began.isoformat(),
            "deadline": self.deadline.isoformat(),
            "overtime": self.overtime.isoformat() if self.overtime else None,
            "queued": self.queued.total_seconds(),
            "outage": self.outage.total_seconds(),
            "missing": self.missing.total_seconds(),
        }

    @classmethod
    def from_json(cls, values: LimitsDocument) -> DriverLimits:
        """The limits that ``to_json`` wrote."""
        return cls(
            began=datetime.fromisoformat(values["began"]),
            deadline=datetime.fromisoformat(values["deadline"]),
            overtime=datetime.fromisoformat(values["overtime"]) if values["overtime"] else None,
            queued=timedelta(seconds=values["queued"]),
            outage=timedelta(seconds=values["outage"]),
            missing=timedelta(seconds=values["missing"]),
        )


class DriverWatch:
    """Follows one driver; its user reports each answer of the cluster, or that none came.

    Attributes:
        status: the newest answer; UNKNOWN before the first.
    """

    def __init__(self, limits: DriverLimits) -> None:
        self._limits = limits
        self.status = DriverStatus(DriverState.UNKNOWN)
        self._silent: datetime | None = None
        self._absent: datetime | None = None
        self._waited = False

    def saw(self, status: DriverStatus, now: datetime) -> Ending | None:
        """The cluster answered at the instant ``now``: why the wait is over, None where it goes on."""
        self._silent = None
        if status.state == DriverState.NOT_FOUND:
            self._absent = self._absent or now
            return Ending.MISSING if now - self._absent >= self._limits.missing else self._late(now)
        self.status, self._absent = status, None
        if status.state.over:
            return Ending.OVER
        if status.state == DriverState.QUEUED:
            # A driver that had begun once and is queued again (RETRYING, a restarted agent) has shown that it fits.
            if not self._waited and now - self._limits.began >= self._limits.queued:
                return Ending.UNSTARTED
        elif status.state != DriverState.UNKNOWN:
            self._waited = True
        return self._late(now)

    def missed(self, now: datetime) -> Ending | None:
        """The cluster did not answer at the instant ``now``: as for ``saw``."""
        self._silent = self._silent or now
        over = now >= max(self._limits.deadline, self._silent + self._limits.outage)
        return Ending.UNREACHABLE if over else self._late(now)

    @property
    def absent(self) -> bool:
        """Whether the cluster's latest answer was that it doesn't know the driver."""
        return self._absent is not None

    def pause(self, now: datetime) -> float:
        """Seconds until the next look."""
        return min(_LONGEST, max(_SHORTEST, (now - self._limits.began).total_seconds() * _SHARE))

    def _late(self, now: datetime) -> Ending | None:
        overtime = self._limits.overtime
        return Ending.OVERTIME if overtime is not None and now >= overtime else None
