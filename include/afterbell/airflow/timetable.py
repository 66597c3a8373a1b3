"""The schedule of an exchange: one run a session, after its closing bell, half days and holidays included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from afterbell.calendar import sessions
from afterbell.calendar.intervals import interval_of, named_at
from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.errors import CalendarBoundsError, ConfigError
from afterbell.sla.policy import load_policy

if TYPE_CHECKING:
    from datetime import date

    from pendulum import DateTime


class TradingSessions(Timetable):
    """One run a session of an exchange, due when the closing bell has rung.

    The data interval of a run begins at midnight UTC of the session's date, which names it, and ends with the bell. The
    logical date is that beginning, so ``airflow backfill create --from-date 2016-06-01 --to-date 2016-06-30`` means the
    sessions of these dates, both included. The calendar is loaded again each day and reaches a year ahead.

    Without catch-up the newest session whose bell has rung is run, even if late; those missed before it are not. A DAG
    that never ran begins with the first session whose deadline is still to come.

    Args:
        exchange: ISO 10383 code, such as ``XNYS``.
        delay_minutes: how long after the bell a run is due; the data interval always ends with the bell.
        scheduled: if False, nothing is due; backfills still work.
    """

    description = "After the close of every session of an exchange"
    periodic = True

    def __init__(self, exchange: str, *, delay_minutes: int = 0, scheduled: bool = True) -> None:
        self.exchange = exchange
        self.delay_minutes = delay_minutes
        self.scheduled = scheduled

    @property
    def summary(self) -> str:
        """The text beside the DAG's name in the page."""
        if not self.scheduled:
            return f"{self.exchange} sessions, by hand"
        return f"{self.exchange} close" + (f" + {self.delay_minutes} min" if self.delay_minutes else "")

    def serialize(self) -> dict[str, str | int]:
        """The arguments."""
        return {"exchange": self.exchange, "delay_minutes": self.delay_minutes, "scheduled": self.scheduled}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TradingSessions:
        """The timetable that ``serialize`` wrote."""
        return cls(data["exchange"], delay_minutes=data["delay_minutes"], scheduled=data["scheduled"])

    def __eq__(self, other: object) -> bool:
        """Whether both have the same arguments."""
        return self.serialize() == other.serialize() if isinstance(other, TradingSessions) else NotImplemented

    def __hash__(self) -> int:
        """Of the arguments."""
        return hash(tuple(self.serialize().values()))

    def validate(self) -> None:
        """Refuse an exchange that has no calendar, while the DAG is parsed.

        Raises:
            AirflowTimetableInvalid: the exchange is not known, or a run would begin after its deadline.
        """
        most = load_policy().budget_minutes - 1
        if not 0 <= self.delay_minutes <= most:
            raise AirflowTimetableInvalid(
                f"TradingSessions: delay_minutes is {self.delay_minutes}; expected 0 to {most}: a run begins "
                "before the deadline"
            )
        if _has_calendar_file(self.exchange):  # saves the 1.7 s of loading a calendar at every parsing of a DAG
            return
        try:
            self._calendar.is_session(sessions.now().date())
        except ConfigError as error:
            raise AirflowTimetableInvalid(f"TradingSessions: {error}") from error

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """The interval of the newest session whose bell had rung; a manual run names its session in any case.

        Raises:
            ValueError: the calendar does not reach ``run_after``; Airflow's API answers with 400.
        """
        try:
            return self._interval(self._calendar.last_closed(run_after))
        except CalendarBoundsError as error:
            raise ValueError(f"logical date: {error}") from error

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next session's run; None where nothing is due or the restriction ends before it.

        Raises:
            CalendarBoundsError: the calendar does not reach the next session.
        """
        # Backfills ask with an end and with catch-up, whatever the DAG says: they are not "scheduled".
        if not self.scheduled and not (restriction.catchup and restriction.latest):
            return None
        day = self._first_day(last_automated_data_interval, restriction)
        if day is None or _after(day, restriction.latest):
            return None
        session = self._calendar.first_from(day)
        if _after(session, restriction.latest):
            return None
        due = self._calendar.close(session) + timedelta(minutes=self.delay_minutes)
        return DagRunInfo(run_after=pendulum.instance(due), data_interval=self._interval(session))

    @property
    def _calendar(self) -> Exchange:
        return Exchange(self.exchange)

    def _interval(self, session: date) -> DataInterval:
        start, end = interval_of(self._calendar, session)
        return DataInterval(pendulum.instance(start), pendulum.instance(end))

    def _first_day(self, last: DataInterval | None, restriction: TimeRestriction) -> date | None:
        """The first day that the next session may lie on; None if nothing sets one."""
        days: list[date] = []
        if last is not None:
            days.append(last.start.astimezone(UTC).date() + timedelta(days=1))
        if restriction.earliest is not None:
            days.append(_first_name(restriction.earliest))
        if not restriction.catchup:
            days.append(self._newest(first_time=last is None))
        return max(days) if days else None

    def _newest(self, *, first_time: bool) -> date:
        now = sessions.now()
        session = self._calendar.last_closed(now)
        if first_time and self._calendar.close(session) + load_policy().budget <= now:
            return self._calendar.next(session)
        return session


def platform_sessions() -> TradingSessions:
    """The sessions of the platform's exchange, scheduled where ``platform.yaml`` says ``schedule: on``."""
    platform = load_platform()
    return TradingSessions(platform.exchange, scheduled=platform.schedule)


def _first_name(instant: datetime) -> date:
    """The first day whose midnight UTC is not before ``instant``."""
    day = instant.astimezone(UTC).date()
    return day if named_at(day) >= instant else day + timedelta(days=1)


def _after(day: date, latest: datetime | None) -> bool:
    return latest is not None and named_at(day) > latest


def _has_calendar_file(exchange: str) -> bool:
    spec = find_spec("exchange_calendars")  # finds the package without importing it
    folders = [Path(place) for place in (spec.submodule_search_locations if spec else None) or ()]
    file_name = f"exchange_calendar_{exchange.lower()}.py"
    return any(path.name == file_name for folder in folders for path in folder.glob("exchange_calendar_*.py"))
