"""Sessions of the New York exchange; the odd days are from its published calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError, ConfigError, NotASessionError

XNYS = Exchange("XNYS")


@pytest.mark.parametrize(
    ("session", "close"),
    [
        (date(2015, 7, 2), datetime(2015, 7, 2, 20, tzinfo=UTC)),  # summer time
        (date(2016, 1, 4), datetime(2016, 1, 4, 21, tzinfo=UTC)),  # winter time
        (date(2015, 11, 27), datetime(2015, 11, 27, 18, tzinfo=UTC)),  # half day after Thanksgiving
        (date(2015, 12, 24), datetime(2015, 12, 24, 18, tzinfo=UTC)),  # half day before Christmas
    ],
)
def test_the_closing_bell_rings_in_utc_half_days_included(session: date, close: datetime) -> None:
    assert XNYS.close(session) == close
    assert XNYS.half_day(session) == (close.hour == 18)


@pytest.mark.parametrize(
    ("day", "beside"),
    [
        (date(2015, 7, 3), ("2015-07-02", "2015-07-06")),  # Independence Day, observed
        (date(2016, 3, 25), ("2016-03-24", "2016-03-28")),  # Good Friday
        (date(2016, 1, 18), ("2016-01-15", "2016-01-19")),  # Martin Luther King
        (date(2016, 6, 25), ("2016-06-24", "2016-06-27")),  # a Saturday
    ],
)
def test_a_day_without_a_session_is_refused_and_its_neighbours_are_named(day: date, beside: tuple[str, str]) -> None:
    assert not XNYS.is_session(day)
    with pytest.raises(NotASessionError, match=f"{beside[0]} and {beside[1]}"):
        XNYS.close(day)


def test_the_sessions_before_one_skip_holidays() -> None:
    assert XNYS.before(date(2015, 7, 7), 3) == [date(2015, 7, 1), date(2015, 7, 2), date(2015, 7, 6)]
    assert XNYS.previous(date(2015, 7, 6)) == date(2015, 7, 2)
    assert XNYS.next(date(2015, 7, 2)) == date(2015, 7, 6)


def test_nothing_is_assumed_about_a_date_outside_the_calendar() -> None:
    with pytest.raises(CalendarBoundsError, match="1950-01-03"):
        XNYS.is_session(date(1950, 1, 3))


def test_an_exchange_that_is_not_known_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="XNYS"):
        Exchange("MARS").is_session(date(2016, 1, 4))


def test_beside_the_first_and_the_last_session_of_the_calendar_nothing_is_known() -> None:
    with pytest.raises(CalendarBoundsError, match="begins with 2000-01-03"):
        Exchange("XNYS").previous(date(2000, 1, 3))
    last = Exchange("XNYS")._cal.last_session.date()
    with pytest.raises(CalendarBoundsError, match=f"ends with {last}"):
        Exchange("XNYS").next(last)
