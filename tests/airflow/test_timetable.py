"""The timetable against exchange_calendars' own sessions, and against hand-written answers where the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import pendulum
import pytest
from airflow.sdk.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import DataInterval, TimeRestriction

from afterbell.airflow.timetable import TradingSessions, platform_sessions
from afterbell.calendar import sessions
from afterbell.errors import CalendarBoundsError

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")  # exchange_calendars, on pandas 3
XNYS = TradingSessions("XNYS")


def at(text: str) -> pendulum.DateTime:
    return pendulum.parse(text, tz="UTC")


def walk(timetable, first, last, catchup=True):
    """All runs between two instants, as a backfill asks for them."""
    restriction = TimeRestriction(at(first), at(last), catchup)
    found, info = [], None
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        found.append(info)
    return found


def following(timetable, last=None, *, earliest=None, catchup=False):
    interval = None if last is None else timetable._interval(date.fromisoformat(last))
    restriction = TimeRestriction(earliest and at(earliest), None, catchup)
    return timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction)


@pytest.fixture
def clock(monkeypatch):
    def turn(text):
        monkeypatch.setattr(sessions, "now", lambda: datetime.fromisoformat(f"{text}+00:00"))

    return turn


@pytest.mark.parametrize(("exchange", "half_days"), [("XNYS", 3), ("XLON", 2), ("XTKS", 0)])
def test_a_full_year_equals_the_calendar_of_the_exchange_half_days_included(exchange, half_days):
    calendar = exchange_calendars.get_calendar(exchange, start="2025-01-01", end="2025-12-31")
    runs = walk(TradingSessions(exchange), "2025-01-01", "2025-12-31")
    assert [run.logical_date.date() for run in runs] == [stamp.date() for stamp in calendar.sessions]
    assert [run.run_after for run in runs] == [stamp.to_pydatetime() for stamp in calendar.closes]
    assert [run.data_interval.end for run in runs] == [run.run_after for run in runs]
    assert len(calendar.early_closes) == half_days


def test_the_hours_follow_the_clocks_of_the_exchange_over_both_changes():
    spring = walk(XNYS, "2026-03-05", "2026-03-10")
    assert [run.run_after.isoformat() for run in spring] == [
        "2026-03-05T21:00:00+00:00",
        "2026-03-06T21:00:00+00:00",
        "2026-03-09T20:00:00+00:00",
        "2026-03-10T20:00:00+00:00",
    ]
    autumn = walk(TradingSessions("XLON"), "2025-10-23", "2025-10-28")
    assert [run.run_after.isoformat() for run in autumn] == [
        "2025-10-23T15:30:00+00:00",
        "2025-10-24T15:30:00+00:00",
        "2025-10-27T16:30:00+00:00",
        "2025-10-28T16:30:00+00:00",
    ]


def test_both_ends_of_a_range_are_included_and_nothing_around_it():
    assert [run.logical_date for run in walk(XNYS, "2025-07-03", "2025-07-07")] == [at("2025-07-03"), at("2025-07-07")]
    assert walk(XNYS, "2025-07-04", "2025-07-06") == []


def test_a_delay_moves_the_run_and_not_the_session():
    (run,) = walk(TradingSessions("XNYS", delay_minutes=30), "2025-11-28", "2025-11-28")
    assert run.run_after == at("2025-11-28T18:30")
    assert run.data_interval == DataInterval(at("2025-11-28"), at("2025-11-28T18:00"))


def test_a_dag_that_never_ran_begins_with_the_session_whose_deadline_is_still_to_come(clock):
    clock("2026-03-09T21:59")
    assert following(XNYS).logical_date == at("2026-03-09")
    clock("2026-03-09T22:00")
    assert following(XNYS).logical_date == at("2026-03-10")


def test_after_a_pause_only_the_newest_session_is_run_however_late(clock):
    clock("2026-03-13T12:00")
    assert following(XNYS, "2026-03-05").logical_date == at("2026-03-12")
    assert following(XNYS, "2026-03-12").logical_date == at("2026-03-13")


def test_catching_up_runs_every_session_since(clock):
    clock("2026-03-13T12:00")
    assert following(XNYS, "2026-03-05", catchup=True).logical_date == at("2026-03-06")
    assert following(XNYS, earliest="2026-03-07", catchup=True).logical_date == at("2026-03-09")
    assert following(XNYS, catchup=True) is None


def test_nothing_is_due_before_the_start_or_after_the_end_of_a_dag(clock):
    clock("2026-03-13T12:00")
    assert following(XNYS, earliest="2026-04-01T00:01").logical_date == at("2026-04-02")
    over = TimeRestriction(None, at("2026-03-12"), catchup=False)
    assert (
        XNYS.next_dagrun_info(last_automated_data_interval=XNYS._interval(date(2026, 3, 12)), restriction=over) is None
    )


def test_off_schedules_nothing_and_backfills_as_ever(clock):
    clock("2026-03-13T12:00")
    off = TradingSessions("XNYS", scheduled=False)
    assert following(off) is None
    assert following(off, "2026-03-05") is None
    assert walk(off, "2026-03-05", "2026-03-10") == walk(XNYS, "2026-03-05", "2026-03-10")


def test_a_scheduler_that_lives_for_years_never_runs_out_of_sessions(clock):
    last = "2026-03-12"
    for year in (2026, 2027, 2028, 2030):
        clock(f"{year}-03-13T12:00")
        found = following(XNYS, last)
        assert found.run_after > sessions.now() - timedelta(days=4)
        last = found.logical_date.date().isoformat()
    assert last == "2030-03-12"


def test_beyond_the_calendar_nothing_is_assumed():
    with pytest.raises(
        CalendarBoundsError, match="1990-01-02 lies outside the XNYS calendar, which knows 2000-01-03 to"
    ):
        walk(XNYS, "1990-01-02", "1990-02-01")
    with pytest.raises(CalendarBoundsError, match="2190"):
        following(XNYS, earliest="2190-01-02")
    with pytest.raises(ValueError, match="logical date: 2190-01-02 lies outside"):
        XNYS.infer_manual_data_interval(run_after=at("2190-01-02"))


def test_a_run_by_hand_gets_the_interval_of_the_newest_session():
    assert XNYS.infer_manual_data_interval(run_after=at("2026-03-09T19:59")).start == at("2026-03-06")
    assert XNYS.infer_manual_data_interval(run_after=at("2026-03-09T20:00")) == (
        at("2026-03-09"),
        at("2026-03-09T20:00"),
    )


def test_what_is_written_is_read_back():
    for timetable in (XNYS, TradingSessions("XLON", delay_minutes=15, scheduled=False)):
        assert TradingSessions.deserialize(timetable.serialize()) == timetable
    assert TradingSessions("XLON") != XNYS


def test_the_page_says_when_it_runs():
    assert XNYS.summary == "XNYS close"
    assert TradingSessions("XLON", delay_minutes=15).summary == "XLON close + 15 min"
    assert TradingSessions("XLON", scheduled=False).summary == "XLON sessions, by hand"


@pytest.mark.parametrize("exchange", ["XNYS", "NYSE", "XTKS", "CMES"])
def test_every_exchange_with_a_calendar_is_accepted_also_by_another_name(exchange):
    TradingSessions(exchange).validate()


@pytest.mark.parametrize(
    ("timetable", "says"),
    [
        (TradingSessions("MARS"), "exchange 'MARS' is not known: use an ISO 10383 code"),
        (TradingSessions("../X"), "is not known"),
        (TradingSessions("XNYS", delay_minutes=-1), "delay_minutes is -1; expected 0 to 119"),
        (TradingSessions("XNYS", delay_minutes=120), "before the deadline"),
    ],
)
def test_a_wrong_argument_is_refused_with_a_good_one(timetable, says):
    with pytest.raises(AirflowTimetableInvalid, match=says):
        timetable.validate()


def test_the_platform_says_exchange_and_schedule(tmp_path, monkeypatch):
    path = tmp_path / "platform.yaml"
    monkeypatch.setenv("AFTERBELL_PLATFORM", str(path))
    path.write_text("exchange: XLON\nschedule: on\n")
    assert platform_sessions() == TradingSessions("XLON")
    path.write_text("exchange: XNYS\nschedule: off\n")
    assert platform_sessions() == TradingSessions("XNYS", scheduled=False)


def test_times_are_told_in_utc():
    (run,) = walk(XNYS, "2026-03-09", "2026-03-09")
    assert {each.utcoffset() for each in (run.run_after, *run.data_interval)} == {timedelta(0)}
    assert run.run_after.tzinfo == UTC or run.run_after.timezone_name == "UTC"
