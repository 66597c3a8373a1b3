"""The exchange's clock for a page: sessions, closes, deadlines, as ISO instants in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

from fastapi import HTTPException

from afterbell.airflow.pages.security import checked
from afterbell.airflow.pages.views import View
from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.errors import CalendarBoundsError, NotASessionError
from afterbell.sla.deadline import deadline_for


def exchange() -> Exchange:
    """The exchange whose sessions count."""
    return Exchange(load_platform().exchange)


def session_of(text: str, status: int = 400) -> date:
    """Parse the session in an address.

    Raises:
        HTTPException: it is not a date, or the exchange does not trade on it; the message names the sessions beside it.
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


class SessionView(View):
    """A session: its exchange and time zone, its close and deadline (ISO instants), and the sessions beside it."""

    session: str
    exchange: str
    zone: str
    close: str
    deadline: str
    half_day: bool
    before: str | None
    after: str | None


def described(session: date) -> SessionView:
    """A session with its close, its deadline, and the sessions beside it."""
    calendar = exchange()
    close = calendar.close(session)
    return SessionView(
        session=session.isoformat(),
        exchange=calendar.name,
        zone=calendar.zone,
        close=close.isoformat(),
        deadline=deadline_for(calendar, session, close).at.isoformat(),
        half_day=calendar.half_day(session),
        before=_beside(calendar, session, forward=False),
        after=_beside(calendar, session, forward=True),
    )


def deadline(session: date, started: datetime | None, recorded: object) -> tuple[datetime, bool]:
    """The deadline of a run, and whether it counts from the run's start: as recorded, else by the same rule."""
    calendar = exchange()
    if given := instant(recorded):
        return given, given > deadline_for(calendar, session, calendar.close(session)).at
    computed = deadline_for(calendar, session, started or calendar.close(session))
    return computed.at, computed.replayed


def last_sessions(until: date, count: int) -> list[date]:
    """The ``count`` sessions up to ``until``, newest first."""
    return [until, *reversed(exchange().before(until, count - 1))]


def tonight(now: datetime) -> date:
    """The session that is under way, else the last one."""
    return exchange().latest(now)


def _beside(calendar: Exchange, session: date, *, forward: bool) -> str | None:
    try:
        beside = calendar.next(session) if forward else calendar.previous(session)
        calendar.close(beside)
    except (CalendarBoundsError, ValueError):
        return None  # the calendar's own end
    return beside.isoformat()


def instant(text: object) -> datetime | None:
    """An ISO instant in UTC; None where the text is not one, or has no time zone."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
