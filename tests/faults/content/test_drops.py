"""Rows 2 to 5, 7 to 12, 36 and 39: drops that come, or don't, end to end on real S3, HDFS, Spark and Iceberg.

The market and its faults are in ``tests/faults/market.py``; every number here is counted by hand from it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import market
from tests.faults.content.reading import aside, bars, drop_of, rules, stopped
from tests.faults.market import day

pytestmark = pytest.mark.services


def test_the_run_over_all_that_is_published_and_its_audit_has_no_failure(bulk: dict[str, Any]) -> None:
    assert (bulk["validate"]["failed"], bulk["validate"]["noop"]) == (0, False)
    # 33 sessions of 100 symbols, less one gap and three stale bars; ZV once.
    keys = {(row["symbol"], row["session"]) for row in bulk["market.bars"]}
    assert len(keys) == 33 * 100 - 1 - 3 + 1


def test_row_02_a_session_whose_drop_never_came_fails_and_publishes_nothing(seen: dict[str, Any]) -> None:
    error = stopped(seen, "no drop")
    assert error.startswith("MissingDropsError: source us_daily_prices: no drop of session 2016-01-05 in s3:prices/")


def test_row_03_a_run_for_a_day_without_a_session_changes_nothing(seen: dict[str, Any]) -> None:
    error = seen["stops"]["no session"]["error"]
    assert error.startswith("NotASessionError: 2016-01-18 (Monday) is not a session of XNYS; the sessions beside it")


def test_row_04_a_drop_of_a_day_without_a_session_is_set_aside_with_a_warning(bulk: dict[str, Any]) -> None:
    (line,) = [row for row in bulk["raw.drops"] if row["key"] == "prices/2016/20160118.csv.gz"]
    assert (line["state"], line["rows"]) == ("quarantined", 0)
    warned = {drop["key"]: drop["reason"] for drop in bulk["ingest"]["refused_drops"]}
    assert "2016-01-18 (Monday) is not a session" in warned[line["key"]]
    assert not [row for row in bulk["market.bars"] if row["session"] == "2016-01-18"]


def test_row_05_a_half_days_thin_trading_is_neither_refused_nor_warned_of(seen: dict[str, Any]) -> None:
    found = seen["half_day"]["half_day"]
    assert "error" not in found, found
    assert found["validate"]["failed"] == 0
    assert found["validate"]["warnings"] == ["rule without_volume: not checked for 2015-11-27, a half day"]
    facts = {line["rule"]: (line["value"], line["kept"]) for line in found["report"]["facts"]}
    assert (facts["row_count"], facts["coverage"]) == ((0.97, True), (0.97, True))
    assert all(kept for _, kept in facts.values())


def test_row_05_the_same_on_a_full_day_is_warned_of(seen: dict[str, Any]) -> None:
    found = seen["half_day"]["monday"]
    assert "error" not in found, found
    (line,) = found["validate"]["warnings"]
    assert line.startswith("rule without_volume on session_facts.us_daily_prices")


@pytest.mark.parametrize("name", ["zero bytes", "header only"])
def test_row_07_a_drop_without_a_data_line_fails_by_its_name(seen: dict[str, Any], name: str) -> None:
    error = stopped(seen, name)
    assert error.startswith("MissingDropsError: source us_daily_prices: drop prices/2016/20160105.csv.gz")
    assert "is empty: expected a header and data lines" in error


@pytest.mark.parametrize("number", [market.ZERO_BYTES, market.HEADER_ONLY])
def test_row_07_among_many_it_is_named_and_its_session_comes_from_the_next_drop(
    bulk: dict[str, Any], number: int
) -> None:
    assert drop_of(bulk, number)["state"] == "empty"
    assert [row["drop_id"][:24] for row in bars(bulk, "S05", number)] == [f"us_daily_prices:{day(number + 1):%Y%m%d}"]


def test_row_08_the_same_bytes_under_the_same_name_again_change_nothing(seen: dict[str, Any]) -> None:
    second = seen["second"]
    assert second["tries"][-1]["ingest"]["drops"]["duplicate"] == 1  # on HDFS, where the time of writing is new
    assert second["again"]["ingest"]["noop"] is True
    assert second["again"]["validate"]["noop"] is True
    assert second["unmoved_by_again"] is True


def test_row_09_other_bytes_under_the_same_name_are_a_revision_beside_the_old_one(seen: dict[str, Any]) -> None:
    assert seen["second"]["tries"][-1]["ingest"]["drops"]["revised"] == 1
    tables = seen["second"]["tables"]
    found = [(row["close"], row["knowledge_time"][:16]) for row in bars(tables, "S50", 5)]
    # Told anew by the run of 22 February; session 5 closed on 11 January at 16:00 in New York.
    assert found == [(70.5, "2016-01-11 21:30"), (71.5, "2016-02-22 21:30")]
    lines = [row["state"] for row in tables["raw.drops"] if row["key"] == market.prices_key(5)]
    assert sorted(lines) == ["landed", "revised"]


def test_row_10_a_drop_replaced_while_it_is_read_comes_in_with_its_new_bytes(seen: dict[str, Any]) -> None:
    tables, at = seen["second"]["tables"], market.LAST + 1
    (line,) = [row for row in tables["raw.drops"] if row["key"] == market.prices_key(at)]
    # The thin version that was listed first had two lines.
    assert (line["state"], line["rows"]) == ("landed", 200)
    assert len([row for row in tables["market.bars"] if row["session"] == str(day(at))]) == 100


def test_row_11_a_body_twice_is_collapsed_and_its_second_header_set_aside(bulk: dict[str, Any]) -> None:
    assert rules(bulk, market.TWICE) == ["repeated_header"]
    line = drop_of(bulk, market.TWICE)
    assert (line["rows"], line["collapsed"]) == (200, 200)
    assert [row["revision"] for row in bars(bulk, "S05", market.TWICE)] == [0]


def test_row_12_rows_of_other_days_are_set_aside(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.OTHER_DAYS) == [("S00", "session_not_carried")] * 3


def test_row_36_a_date_past_the_calendars_bounds_fails(seen: dict[str, Any]) -> None:
    error = seen["stops"]["beyond the calendar"]["error"]
    assert error.startswith("CalendarBoundsError: 2190-01-04")
    assert "lies outside the XNYS calendar" in error


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("prices/1800/18000102.csv.gz", "1800-01-02 lies outside the XNYS calendar"),
        ("prices/2015/20151231.csv.gz", "the object is archived (InvalidObjectState): restore it"),
        ("reports/2015%20old/", "the folder was not looked at: it holds a backslash, a percent sign"),
    ],
)
def test_an_object_that_cannot_be_a_drop_or_be_read_is_set_aside_by_name(
    bulk: dict[str, Any], key: str, reason: str
) -> None:
    assert reason in {drop["key"]: drop["reason"] for drop in bulk["ingest"]["refused_drops"]}[key]
    assert key not in {line["key"] for line in bulk["raw.drops"]}  # a run after its repair takes it in


def test_a_run_that_finds_only_an_archived_object_changes_nothing_and_names_it(
    seen: dict[str, Any],
) -> None:
    again = seen["bulk"]["still archived"]
    assert (again["ingest"]["noop"], again["validate"]["noop"], again["unmoved"]) == (True, True, True)
    assert "prices/2015/20151231.csv.gz" in {drop["key"] for drop in again["ingest"]["refused_drops"]}


def test_an_archived_drop_of_the_session_itself_fails_by_name(seen: dict[str, Any]) -> None:
    error = stopped(seen, "archived")
    assert error.startswith("ObjectRefusedError: the drop prices/2016/20160105.csv.gz of session 2016-01-05 itself")
    assert "is archived (InvalidObjectState): restore it" in error


def test_row_39_an_ingest_gets_through_a_store_that_throttles_resets_and_breaks_off(seen: dict[str, Any]) -> None:
    second = seen["second"]
    assert "error" not in second["tries"][-1], second["tries"]
    assert second["moved"] is True
    assert second["requests"] >= 6  # two objects, and four answers that had to be asked for again
