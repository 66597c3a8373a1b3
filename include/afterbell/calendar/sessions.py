"""Sessions of an exchange, from exchange_calendars; closes in UTC, half days included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from afterbell.errors import CalendarBoundsError, ConfigError, NotASessionError

_FIRST = date(2000, 1, 1)
_AHEAD = timedelta(days=365)
"""How far beyond today a calendar reaches, unless its exchange has published less."""


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@lru_cache(maxsize=8)
def _calendar(name: str, built_on: date) -> Any:
    # The import and the building take 1.7 s, so calendars are kept; the day is part of the key, and with it the end:
    # left to itself exchange_calendars ends a year after it was imported, however long ago that was.
    import exchange_calendars  # noqa: PLC0415

    start, end = _FIRST, built_on + _AHEAD
    try:
        return exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    except exchange_calendars.errors.InvalidCalendarName as error:
        raise ConfigError(
            f"exchange {name!r} is not known: use an ISO 10383 code of exchange_calendars, such as XNYS"
        ) from error
    except ValueError:  # less is known of this exchange
        kind = type(exchange_calendars.get_calendar(name))
        low, high = kind.bound_min(), kind.bound_max()
        start = max(start, low.date()) if low is not None else start
        end = min(end, high.date()) if high is not None else end
        return exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())


@dataclass(frozen=True)
class Exchange:
    """One exchange's sessions.

    Attributes:
        name: ISO 10383 code, such as ``XNYS``.
    """

    name: str = "XNYS"

    @property
    def _cal(self) -> Any:
        return _calendar(self.name, now().date())

    @property
    def zone(self) -> str:
        """The IANA name of the exchange's time zone, such as ``America/New_York``."""
        return str(self._cal.tz)

    def latest(self, now: datetime) -> date:
        """The last session that has opened by ``now`` (an instant with its zone)."""
        today = now.astimezone(self._cal.tz).date()
        session: date = self._cal.date_to_session(today.isoformat(), direction="previous").date()
        return session if self.hours(session)[0] <= now else self.previous(session)

    def _check_bounds(self, day: date) -> None:
        first, last = self._cal.first_session.date(), self._cal.last_session.date()
        if not first <= day <= last:
            raise CalendarBoundsError(f"{day} lies outside the {self.name} calendar, which knows {first} to {last}")

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on ``day``.

        Raises:
            CalendarBoundsError: the calendar does not reach ``day``.
        """
        self._check_bounds(day)
        return bool(self._cal.is_session(day.isoformat()))

    def require(self, day: date) -> date:
        """Return ``day``, if the exchange trades on it.

        Raises:
            NotASessionError: it does not; the message names the sessions before and after.
            CalendarBoundsError: the calendar does not reach ``day``.
        """
        if self.is_session(day):
            return day
        before = self._cal.date_to_session(day.isoformat(), direction="previous").date()
        after = self._cal.date_to_session(day.isoformat(), direction="next").date()
        raise NotASessionError(
            f"{day} ({day:%A}) is not a session of {self.name}; the sessions beside it are {before} and {after}"
        )

    def close(self, session: date) -> datetime:
        """The closing bell of ``session`` in UTC, earlier on half days.

        Raises:
            NotASessionError: ``session`` is not one.
        """
        self.require(session)
        stamp: datetime = self._cal.session_close(session.isoformat()).to_pydatetime()
        return stamp.astimezone(UTC)

    def hours(self, session: date) -> tuple[datetime, datetime]:
        """The opening and the closing bell of ``session`` in UTC.

        Raises:
            NotASessionError: ``session`` is not one.
        """
        end = self.close(session)
        stamp: datetime = self._cal.session_open(session.isoformat()).to_pydatetime()
        return stamp.astimezone(UTC), end

    def whole_day(self, session: date) -> tuple[datetime, datetime]:
        """Midnight to midnight, in UTC, by the exchange's own clocks."""
        self.require(session)
        first = datetime.combine(session, time(), tzinfo=self._cal.tz)
        end = datetime.combine(session + timedelta(days=1), time(), tzinfo=self._cal.tz)
        return first.astimezone(UTC), end.astimezone(UTC)

    def half_day(self, session: date) -> bool:
        """Whether the closing bell of ``session`` rings early.

        Raises:
            NotASessionError: ``session`` is not one.
        """
        self.require(session)
        return session.isoformat() in self._cal.early_closes

    @property
    def first(self) -> date:
        """The session that the calendar begins with."""
        session: date = self._cal.first_session.date()
        return session

    def next(self, session: date) -> date:
        """The session after ``session``.

        Raises:
            CalendarBoundsError: the calendar ends with ``session``.
        """
        self.require(session)
        if session == self._cal.last_session.date():
            raise CalendarBoundsError(f"the {self.name} calendar ends with {session}: no session after it is known")
        following: date = self._cal.next_session(session.isoformat()).date()
        return following

    def previous(self, session: date) -> date:
        """The session before ``session``.

        Raises:
            CalendarBoundsError: the calendar begins with ``session``.
        """
        self.require(session)
        if session == self._cal.first_session.date():
            raise CalendarBoundsError(f"the {self.name} calendar begins with {session}: no session before it is known")
        preceding: date = self._cal.previous_session(session.isoformat()).date()
        return preceding

    def first_from(self, day: date) -> date:
        """The first session on ``day`` or after it.

        Raises:
            CalendarBoundsError: the calendar does not reach that far.
        """
        self._check_bounds(day)
        session: date = self._cal.date_to_session(day.isoformat(), direction="next").date()
        return session

    def last_closed(self, at: datetime) -> date:
        """The newest session whose closing bell has rung at the instant ``at``.

        Raises:
            CalendarBoundsError: the calendar does not reach ``at``.
        """
        # By UTC's date a bell may ring on the day before its session's (Wellington, half days) or on the day after it.
        self._check_bounds(at.astimezone(UTC).date())
        day = at.astimezone(UTC).date() + timedelta(days=1)
        session: date = self._cal.date_to_session(day.isoformat(), direction="previous").date()
        while self.close(session) > at:
            session = self.previous(session)
        return session

    def before(self, session: date, count: int) -> list[date]:
        """The ``count`` sessions before ``session``, ascending; fewer where the calendar begins."""
        self.require(session)
        position = self._cal.sessions.get_loc(session.isoformat())
        return [stamp.date() for stamp in self._cal.sessions[max(0, position - count) : position]]

    def between(self, first: date, last: date) -> list[date]:
        """Sessions from ``first`` to ``last``, both included, ascending."""
        self._check_bounds(first)
        self._check_bounds(last)
        stamps = self._cal.sessions_in_range(first.isoformat(), last.isoformat())
        return [stamp.date() for stamp in stamps]
