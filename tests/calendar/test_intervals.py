"""The interval of a session names it, on every exchange, whatever its clocks say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from afterbell.calendar import sessions
from afterbell.calendar.intervals import interval_of, session_of
from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError, NotASessionError

XNYS = Exchange("XNYS")


@pytest.mark.parametrize(
    ("exchange", "session", "end"),
    [
        ("XNYS", date(2026, 3, 6), "2026-03-06T21:00"),  # winter time
        ("XNYS", date(2026, 3, 9), "2026-03-09T20:00"),  # the first session of summer time
        ("XNYS", date(2025, 11, 28), "2025-11-28T18:00"),  # half day after Thanksgiving
        ("XTKS", date(2026, 1, 5), "2026-01-05T06:30"),  # opens at 00:00 UTC
        ("XASX", date(2026, 1, 5), "2026-01-05T05:00"),  # opens at 23:00 UTC of the day before
        ("XNZE", date(2026, 1, 5), "2026-01-05T03:45"),
        ("XNZE", date(2025, 12, 24), "2025-12-24T00:00"),  # a half day: its bell rings at 23:45 UTC of the day before
    ],
)
def test_an_interval_ends_with_the_bell_and_its_beginning_names_the_session(exchange, session, end):
    start, stop = interval_of(Exchange(exchange), session)
    assert stop == datetime.fromisoformat(f"{end}+00:00")
    assert session_of(Exchange(exchange), start) == session
    assert session_of(Exchange(exchange), start.astimezone(timezone(timedelta(hours=-5)))) == session


@pytest.mark.parametrize("exchange", ["XNYS", "XLON", "XTKS", "XASX", "XNZE", "XHKG", "XKRX", "CMES", "XSAU"])
def test_no_interval_is_negative_or_longer_than_two_days(exchange):
    found = Exchange(exchange)
    for session in found.between(date(2025, 1, 1), date(2025, 12, 31)):
        start, end = interval_of(found, session)
        assert timedelta(0) <= end - start < timedelta(days=2)


def test_an_interval_of_another_kind_is_refused_and_not_guessed_at():
    with pytest.raises(NotASessionError, match="no session has a data interval that begins at 2026-03-09 13:30:00 UTC"):
        session_of(XNYS, datetime(2026, 3, 9, 13, 30, tzinfo=UTC))
    with pytest.raises(NotASessionError, match=r"2026-03-08 \(Sunday\)"):
        session_of(XNYS, datetime(2026, 3, 8, tzinfo=UTC))
    with pytest.raises(CalendarBoundsError):
        session_of(XNYS, datetime(1950, 1, 3, tzinfo=UTC))


def test_a_bell_that_rings_on_the_day_before_its_session_is_heard():
    wellington = Exchange("XNZE")
    assert wellington.last_closed(datetime(2025, 12, 23, 23, 44, tzinfo=UTC)) == date(2025, 12, 23)
    assert wellington.last_closed(datetime(2025, 12, 23, 23, 45, tzinfo=UTC)) == date(2025, 12, 24)


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2026-03-09T19:59", date(2026, 3, 6)),
        ("2026-03-09T20:00", date(2026, 3, 9)),
        ("2026-03-08T12:00", date(2026, 3, 6)),
        ("2025-11-28T17:59", date(2025, 11, 26)),
        ("2025-11-28T18:00", date(2025, 11, 28)),
    ],
)
def test_the_newest_session_is_the_one_whose_bell_has_rung(at, session):
    assert XNYS.last_closed(datetime.fromisoformat(f"{at}+00:00")) == session


@pytest.mark.parametrize("exchange", ["XNYS", "XLON", "XTKS"])
def test_a_process_that_lives_for_years_knows_a_year_ahead_all_the_time(monkeypatch, exchange):
    began = sessions.now()
    for years in (0, 1, 3):
        later = began + timedelta(days=365 * years)
        monkeypatch.setattr(sessions, "now", lambda later=later: later)
        soon = later.date() + timedelta(days=330)
        assert Exchange(exchange).first_from(soon) >= soon
