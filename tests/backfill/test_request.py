"""What a backfill may be asked for, and what is refused, field by field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from afterbell.backfill.request import (
    FACTOR_SETS,
    BackfillRequest,
    check_id,
    check_reason,
    check_request,
    chunks_of,
)
from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError, ConfigError
from afterbell.features.sets import SETS

EXCHANGE, TODAY = Exchange("XNYS"), date(2016, 7, 5)
GOOD = {"first": "2016-06-27", "last": "2016-07-05"}
HOSTILE = (
    "../../etc/passwd", "%2e%2e", "a\\b", "2016-06-27; rm -rf /", "$(id)", "`id`", "2016-06-27\n", "-rf", "--help",
    "{{ ds }}", "", " ", "2016-06-31", "20160627", "2016-W26-1", "२०१६-०६-२७", None, 20160627, ["2016-06-27"],
)  # fmt: skip


def asked(**fields: Any) -> BackfillRequest:
    return check_request(GOOD | fields, EXCHANGE, TODAY)


def test_what_is_left_out_has_a_sensible_value() -> None:
    assert asked() == BackfillRequest(first=date(2016, 6, 27), last=date(2016, 7, 5))
    assert (asked().steps, asked().factor_sets, asked().chunk_sessions) == (("ingest", "features"), (), 250)


@pytest.mark.parametrize("field", ["first", "last"])
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_a_day_is_a_day_and_nothing_else(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{field} is .*: give a day like 2015-03-23"):
        asked(**{field: value})


def test_the_first_day_is_not_after_the_last() -> None:
    with pytest.raises(ConfigError, match=r"first is 2016-07-05 and last is 2016-06-27: .* swap them"):
        asked(first="2016-07-05", last="2016-06-27")


def test_a_backfill_ends_today() -> None:
    with pytest.raises(ConfigError, match=r"last is 2016-07-06, after today \(2016-07-05\)"):
        asked(last="2016-07-06")


def test_a_range_without_a_session_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no session of XNYS from 2016-07-02 to 2016-07-04"):
        asked(first="2016-07-02", last="2016-07-04")


def test_a_range_that_the_calendar_does_not_reach_is_refused() -> None:
    with pytest.raises(CalendarBoundsError, match="1915-07-04 lies outside"):
        asked(first="1915-07-04")


@pytest.mark.parametrize("field", ["steps", "factor_sets"])
@pytest.mark.parametrize("value", [["../x"], ["ingest; id"], ["core", "{{ ds }}"], "ingest", [1], {"a": 1}], ids=repr)
def test_names_come_from_the_list(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{field}.*some of"):
        asked(**{field: value})


def test_at_least_one_step_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="steps is empty: give some of ingest, features"):
        asked(steps=[])


@pytest.mark.parametrize("value", [0, -1, 1001, 2.5, "250", True, None], ids=repr)
def test_a_chunk_has_some_sessions(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"chunk_sessions is .*: give a whole number from 1 to 1000"):
        asked(chunk_sessions=value)


@pytest.mark.parametrize(
    "value", ["", "too short", "x" * 301, "two\nlines of text", "a tab\tand so on", None, 12], ids=repr
)
def test_a_reason_is_one_line_of_some_length(value: Any) -> None:
    with pytest.raises(ConfigError, match="give one line of 10 to 300 characters that says why"):
        check_reason(value)


def test_a_reason_may_say_anything_since_nobody_executes_it() -> None:
    text = "--vendor's $(redelivery); {{ ds }} `2015` & <b>müde</b>"
    assert check_reason(f" {text} ") == text


def test_the_names_in_the_form_are_the_factor_sets_there_are() -> None:
    assert list(FACTOR_SETS) == sorted(SETS)


def test_the_same_request_is_the_same_backfill_and_another_is_another() -> None:
    named = {asked(steps=steps).backfill_id for steps in (["ingest", "features"], ["features", "ingest", "ingest"])}
    others = {
        asked(**more).backfill_id for more in ({"steps": ["ingest"]}, {"chunk_sessions": 9}, {"last": "2016-07-01"})
    }
    assert len(named) == 1
    assert len(named | others) == 4
    assert check_id(named.pop()).startswith("20160627-20160705-")


@pytest.mark.parametrize(
    "value", [*(each for each in HOSTILE if isinstance(each, str)), "20160627-20160705-1a2b3c4d/.."]
)
def test_an_id_is_a_segment_of_a_path(value: str) -> None:
    with pytest.raises(ConfigError, match="an id is like"):
        check_id(value)


def test_chunks_follow_one_another_and_leave_out_holidays() -> None:
    found = [(chunk.number, chunk.first.isoformat(), chunk.last.isoformat()) for chunk in
             chunks_of(asked(chunk_sessions=3), EXCHANGE)]  # fmt: skip
    assert found == [(1, "2016-06-27", "2016-06-29"), (2, "2016-06-30", "2016-07-05")]
