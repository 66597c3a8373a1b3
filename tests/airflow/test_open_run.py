"""Which session a run is for: its data interval says it, or whoever started it manually; nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from afterbell.airflow.open_run import describe, origin_of, session_for
from afterbell.calendar.sessions import Exchange
from afterbell.errors import ConfigError, NotASessionError

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")  # exchange_calendars, on pandas 3
XNYS = Exchange("XNYS")
MARCH_9 = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize("origin", ["scheduled", "backfill"])
def test_a_run_of_the_timetable_takes_the_session_of_its_interval(origin):
    assert session_for(XNYS, origin, "", MARCH_9) == date(2026, 3, 9)
    assert session_for(XNYS, origin, "2026-03-09", MARCH_9) == date(2026, 3, 9)


def test_a_run_by_hand_takes_the_session_that_it_was_given_whatever_its_interval():
    assert session_for(XNYS, "manual", "2016-06-30", MARCH_9) == date(2016, 6, 30)
    assert session_for(XNYS, "manual", "2016-06-30", None) == date(2016, 6, 30)


@pytest.mark.parametrize("interval", [MARCH_9, None])
def test_a_run_by_hand_that_names_no_session_is_asked_for_it(interval):
    with pytest.raises(ConfigError, match="no session was given: a run that is started manually must name its session"):
        session_for(XNYS, "manual", "", interval)


def test_one_session_for_all_runs_of_a_backfill_is_a_mistake():
    with pytest.raises(ConfigError, match="is for session 2026-03-09, but was given the session 2016-06-30"):
        session_for(XNYS, "backfill", "2016-06-30", MARCH_9)


def test_an_interval_of_another_schedule_is_refused():
    with pytest.raises(NotASessionError, match="no session has a data interval"):
        session_for(XNYS, "scheduled", "", datetime(2026, 3, 9, 13, 30, tzinfo=UTC))
    with pytest.raises(ConfigError, match="has no data interval"):
        session_for(XNYS, "scheduled", "", None)


@pytest.mark.parametrize(
    "text", ["tomorrow", "20260630", "2026-W27-2", "2026-06-30\n", " 2026-06-30", "$(id)", "2026-06-31"]
)
def test_what_is_no_iso_date_is_refused(text):
    with pytest.raises(ConfigError, match="is not a date: give one like 2026-06-30"):
        session_for(XNYS, "manual", text, None)


def test_every_step_is_told_where_the_run_came_from_and_which_profile_it_was_given():
    found = describe(XNYS, date(2016, 6, 30), "backfill__2016-06-30T20:00:00+00:00", "backfill", "standalone")
    assert (found.origin, found.profile, found.replayed) == ("backfill", "standalone", True)
    assert set(found.to_json()) == {"session", "run_id", "started", "deadline", "replayed", "origin", "profile"}


@pytest.mark.parametrize(("origin", "hours"), [("scheduled", 2), ("manual", 2), ("backfill", 4)])
def test_a_backfill_has_the_time_that_airflow_gives_a_run_as_the_night_goes_first(origin, hours):
    found = describe(XNYS, date(2016, 6, 30), "r", origin, "")
    found = found.to_json()
    started, deadline = (datetime.fromisoformat(found[name]) for name in ("started", "deadline"))
    assert deadline - started == timedelta(hours=hours)


@pytest.mark.parametrize("profile", ["moon", "../local", "local.yaml", "Local"])
def test_a_profile_that_is_no_file_of_ours_is_refused_with_those_there_are(profile):
    with pytest.raises(ConfigError, match=r"is not known; .* has: .*local"):
        describe(XNYS, date(2016, 6, 30), "manual__x", "manual", profile)


def test_what_is_neither_scheduled_nor_a_backfill_was_started_by_somebody():
    kinds = ("scheduled", "backfill", "manual", "asset_triggered", "operator_triggered")
    assert [origin_of(kind) for kind in kinds] == ["scheduled", "backfill", "manual", "manual", "manual"]
