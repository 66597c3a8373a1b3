"""The exchange's clock for a page: sessions, closes, deadlines, as ISO instants in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fastapi import HTTPException

from afterbell.airflow.pages.security import checked
from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.errors import CalendarBoundsError, NotASessionError
from afterbell.sla.deadline import deadline_for


def exchange() -> Exchange:
    """The one whose sessions count."""
    return Exchange(load_platform().exchange)


def session_of(text: str, status: int = 400) -> date:
    """A session out of an address.

    Raises:
        HTTPException: it is no date, or the exchange does not trade on it; the message names the sessions beside it.
    """
    try:
        return exchange().require(date.fromisoformat(checked("session", text, status)))
    except ValueError as error:
        raise HTTPException(status, f"{text!r} is not a day of the calendar") from error
    except (CalendarBoundsError, NotASessionError) as error:
        raise HTTPException(status, str(error)) from error


def is_session(text: str) -> bool:
    """Whether an ISO date is a session of the exchange, within its calendar."""
    try:
        exchange().require(date.fromisoformat(text))
    except (ValueError, CalendarBoundsError, NotASessionError):
        return False
    return True


def described(session: date) -> dict[str, Any]:
    """A session with its close, its deadline, and the sessions beside it."""
    found = exchange()
    close = found.close(session)
    return {
        "session": session.isoformat(),
        "exchange": found.name,
        "zone": found.zone,
        "close": close.isoformat(),
        "deadline": deadline_for(found, session, close).at.isoformat(),
        "half_day": found.half_day(session),
        "before": _beside(found, session, forward=False),
        "after": _beside(found, session, forward=True),
    }


def deadline(session: date, started: datetime | None, told: object) -> tuple[datetime, bool]:
    """The deadline of a run and whether it counts from the run's start: as the run was told, else by the same rule."""
    found = exchange()
    if at := instant(told):
        return at, at > deadline_for(found, session, found.close(session)).at
    known = deadline_for(found, session, started or found.close(session))
    return known.at, known.replayed


def last_sessions(until: date, count: int) -> list[date]:
    """The ``count`` sessions up to ``until``, newest first."""
    return [until, *reversed(exchange().before(until, count - 1))]


def tonight(now: datetime) -> date:
    """The session that is under way, or was last."""
    return exchange().latest(now)


def _beside(found: Exchange, session: date, *, forward: bool) -> str | None:
    try:
        beside = found.next(session) if forward else found.previous(session)
        found.close(beside)
    except (CalendarBoundsError, ValueError):
        return None  # the calendar's own end
    return beside.isoformat()


def instant(text: object) -> datetime | None:
    """An ISO instant in UTC; None where it is none, or says no zone."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found and found.tzinfo else None
