"""The deadline of a session: two hours from its closing bell, or what ``sla.yaml`` says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from afterbell.calendar.sessions import Exchange
from afterbell.sla.policy import load_policy


@dataclass(frozen=True)
class Deadline:
    """The instant by which the release of a session must be published.

    Attributes:
        at: UTC instant.
        replayed: the closing bell rang longer ago than the budget, so the start of the run stands for the bell.
    """

    at: datetime
    replayed: bool

    def left(self, now: datetime) -> timedelta:
        """The time left at ``now``; negative after the deadline."""
        return self.at - now


def deadline_for(exchange: Exchange, session: date, now: datetime, budget: timedelta | None = None) -> Deadline:
    """Close + the budget, half days included; for a session long past, ``now`` + the budget.

    A run for an old session (a demo, a rerun of last week) can't be on time for a bell that rang long ago. It is
    held to the same budget, counted from its start.

    Args:
        exchange: whose bell counts.
        session: the session of the run.
        now: the start of the run, with a zone.
        budget: from the bell to the deadline; that of ``sla.yaml`` where None.

    Raises:
        NotASessionError: the exchange does not trade on ``session``.
        ConfigError: ``sla.yaml`` is wrong.
    """
    granted = load_policy().budget if budget is None else budget
    deadline = exchange.close(session) + granted
    return Deadline(deadline, replayed=False) if now <= deadline else Deadline(now + granted, replayed=True)
