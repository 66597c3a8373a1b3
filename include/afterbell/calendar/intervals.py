"""The data interval of a session: how a scheduler's run names the session it is for.

An interval begins at midnight UTC of the session's own date and ends with the closing bell. The beginning is a name,
not a time of the market: read back, it gives the session without a calendar and without a guess, for Tokyo, which opens
at 00:00 UTC, as for Sydney, which opens on the UTC day before. It also lets a range of dates mean the sessions of these
dates, both included. (Where the bell rings before that midnight, on Wellington's half days, the interval is empty.)
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from afterbell.calendar.sessions import Exchange
from afterbell.errors import NotASessionError


def named_at(session: date) -> datetime:
    """Midnight UTC of the session's date: where its interval begins."""
    return datetime.combine(session, time(), tzinfo=UTC)


def interval_of(exchange: Exchange, session: date) -> tuple[datetime, datetime]:
    """From the instant that names ``session`` to its closing bell, in UTC; never negative.

    Raises:
        NotASessionError: the exchange does not trade on that day.
    """
    start = named_at(session)
    return start, max(start, exchange.close(session))


def session_of(exchange: Exchange, start: datetime) -> date:
    """The session whose interval begins at ``start``.

    Raises:
        NotASessionError: no session's interval begins there; such a run was not made by the timetable.
        CalendarBoundsError: the calendar does not reach it.
    """
    instant = start.astimezone(UTC)
    if instant != named_at(instant.date()):
        raise NotASessionError(
            f"no session has a data interval that begins at {instant:%Y-%m-%d %H:%M:%S} UTC: those of {exchange.name} "
            "begin at midnight UTC on the date of the session. Give the session itself"
        )
    return exchange.require(instant.date())
