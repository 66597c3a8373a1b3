"""Sessions of an exchange, from exchange_calendars; closes in UTC, half days included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from afterbell.errors import CalendarBoundsError, ConfigError, NotASessionError

_FIRST = "2000-01-01"


@lru_cache(maxsize=8)
def _calendar(name: str, built_on: date) -> Any:  # noqa: ARG001 - the day is part of the key
    # The import and the building take 1.7 s; the calendar ends a year after it was built, so a
    # long-lived process must build it anew: the day is part of the cache's key.
    import exchange_calendars  # noqa: PLC0415

    try:
        return exchange_calendars.get_calendar(name, start=_FIRST)
    except exchange_calendars.errors.InvalidCalendarName as error:
        raise ConfigError(
            f"exchange {name!r} is not known: use an ISO 10383 code of exchange_calendars, such as XNYS"
        ) from error


@dataclass(frozen=True)
class Exchange:
    """One exchange's sessions.

    Attributes:
        name: ISO 10383 code, such as ``XNYS``.
    """

    name: str = "XNYS"

    @property
    def _cal(self) -> Any:
        return _calendar(self.name, datetime.now(UTC).date())

    @property
    def zone(self) -> str:
        """The IANA name of the exchange's time zone, such as ``America/New_York``."""
        return str(self._cal.tz)

    def latest(self, now: datetime) -> date:
        """The last session that has opened by ``now`` (an instant with its zone)."""
        today = now.astimezone(self._cal.tz).date()
        found: date = self._cal.date_to_session(today.isoformat(), direction="previous").date()
        return found if self.hours(found)[0] <= now else self.previous(found)

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

    def next(self, session: date) -> date:
        """The session after ``session``."""
        self.require(session)
        found: date = self._cal.next_session(session.isoformat()).date()
        return found

    def previous(self, session: date) -> date:
        """The session before ``session``."""
        self.require(session)
        found: date = self._cal.previous_session(session.isoformat()).date()
        return found

    def before(self, session: date, count: int) -> list[date]:
        """The ``count`` sessions before ``session``, ascending; fewer where the calendar begins."""
        self.require(session)
        at = self._cal.sessions.get_loc(session.isoformat())
        return [stamp.date() for stamp in self._cal.sessions[max(0, at - count) : at]]

    def between(self, first: date, last: date) -> list[date]:
        """Sessions from ``first`` to ``last``, both included, ascending."""
        self._check_bounds(first)
        self._check_bounds(last)
        found = self._cal.sessions_in_range(first.isoformat(), last.isoformat())
        return [stamp.date() for stamp in found]
