"""The deadline is two hours from the bell, half days included. Closes are the exchange's published ones."""

from datetime import UTC, date, datetime, timedelta

import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import config_folder
from afterbell.errors import NotASessionError
from afterbell.sla.deadline import deadline_for

XNYS = Exchange("XNYS")


@pytest.mark.parametrize(
    ("session", "deadline"),
    [
        (date(2016, 6, 30), datetime(2016, 6, 30, 22, 0, tzinfo=UTC)),  # summer: 16:00 in New York is 20:00 UTC
        (date(2016, 1, 15), datetime(2016, 1, 15, 23, 0, tzinfo=UTC)),  # winter: 21:00 UTC
        (date(2015, 11, 27), datetime(2015, 11, 27, 20, 0, tzinfo=UTC)),  # the day after Thanksgiving closes at 13:00
    ],
)
def test_deadline_is_two_hours_after_the_bell(session, deadline):
    found = deadline_for(XNYS, session, now=deadline.replace(hour=deadline.hour - 2))
    assert found.at == deadline
    assert not found.replayed


def test_a_session_of_the_past_is_held_to_two_hours_from_the_start_of_its_run():
    now = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    found = deadline_for(XNYS, date(2016, 6, 30), now)
    assert found.at == datetime(2026, 1, 5, 11, 30, tzinfo=UTC)
    assert found.replayed


def test_time_left_turns_negative_once_the_deadline_has_passed():
    bell = datetime(2016, 6, 30, 20, 0, tzinfo=UTC)
    found = deadline_for(XNYS, date(2016, 6, 30), bell)
    assert found.left(bell).total_seconds() == 7200
    assert found.left(datetime(2016, 6, 30, 22, 1, tzinfo=UTC)).total_seconds() == -60


def test_a_holiday_is_refused_with_the_sessions_beside_it():
    with pytest.raises(NotASessionError, match=r"2016-07-04 \(Monday\).*2016-07-01 and 2016-07-05"):
        deadline_for(XNYS, date(2016, 7, 4), datetime(2016, 7, 4, 20, 0, tzinfo=UTC))


def test_another_budget_moves_the_deadline(tmp_path, monkeypatch):
    text = (config_folder() / "sla.yaml").read_text(encoding="utf-8")
    (tmp_path / "sla.yaml").write_text(text.replace("budget_minutes: 120", "budget_minutes: 90"), encoding="utf-8")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    bell = datetime(2016, 6, 30, 20, 0, tzinfo=UTC)
    assert deadline_for(XNYS, date(2016, 6, 30), bell).at == datetime(2016, 6, 30, 21, 30, tzinfo=UTC)
    assert deadline_for(XNYS, date(2016, 6, 30), bell, timedelta(hours=1)).at == bell.replace(hour=21)
