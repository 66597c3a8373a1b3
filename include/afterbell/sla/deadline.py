"""The deadline of a session: two hours from its closing bell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from afterbell.calendar.sessions import Exchange

BUDGET = timedelta(hours=2)


@dataclass(frozen=True)
class Deadline:
    """By when the release of a session must stand.

    Attributes:
        at: UTC instant.
        replayed: the closing bell rang longer ago than the budget, so the start of the run stands for the bell.
    """

    at: datetime
    replayed: bool

    def left(self, now: datetime) -> timedelta:
        """What remains at ``now``; negative once it has passed."""
        return self.at - now


def deadline_for(exchange: Exchange, session: date, now: datetime) -> Deadline:
    """Close + 2 h, half days included; for a session long past, ``now`` + 2 h.

    A run for an old session (a demo, a rerun of last week) can't be on time for a bell that rang long ago. It is
    held to the same two hours, counted from its start.

    Args:
        exchange: whose bell counts.
        session: the session of the run.
        now: the start of the run, with a zone.

    Raises:
        NotASessionError: the exchange does not trade on ``session``.
    """
    at = exchange.close(session) + BUDGET
    return Deadline(at, replayed=False) if now <= at else Deadline(now + BUDGET, replayed=True)
