"""Sources of other vendors need a file of configuration each and no code: three of them on real S3, HDFS and Spark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_sources.py", tmp_path_factory.mktemp("sources"), services.env)


def test_each_session_takes_one_drop_of_each_source_and_both_parts_of_one(seen: dict[str, Any]) -> None:
    drops = sorted((row["session"], row["source"], row["state"]) for row in seen["raw.drops"])
    sources = ("minutes", "parquet_bars", "parquet_bars", "vendor_bars")
    assert drops == [(day, source, "landed") for day in ("2016-06-29", "2016-06-30") for source in sources]


def test_both_vendors_bars_are_in_one_table_under_our_names(seen: dict[str, Any]) -> None:
    rows = {(row["symbol"], row["session"]): row for row in seen["market.bars"]}
    assert {symbol for symbol, _ in rows} == {"GOOG", "MSFT", "SPLT", "AAPL", "IBM", "XOM"}
    assert len(rows) == len(seen["market.bars"]) == 12
    goog = rows["GOOG", "2016-06-30"]
    assert [goog[name] for name in ("open", "high", "low", "close", "volume", "adj_close", "revision")] == [
        10.0, 11.0, 9.5, 10.3, 3000, None, 0,
    ]  # fmt: skip
    # 45 minutes after the close for one, 60 for the other.
    assert goog["knowledge_time"] == "2016-06-30 20:45:00"
    assert rows["XOM", "2016-06-29"]["knowledge_time"] == "2016-06-29 21:00:00"


def test_a_split_is_seen_although_each_drop_carries_one_session(seen: dict[str, Any]) -> None:
    actions = [
        (row["symbol"], row["ex_session"], row["factor"], row["kind"], row["basis"], row["rests_on"])
        for row in seen["market.corporate_actions"]
    ]
    assert actions == [("SPLT", "2016-06-30", 0.5, "split", "price", "price, shares")]
    assert {row["compared"] for row in seen["raw.drops"]} == {None}  # none of them shows actions


def test_minutes_are_stored_in_utc_and_those_outside_the_session_set_aside(seen: dict[str, Any]) -> None:
    times = sorted((row["symbol"], row["at"], row["session"]) for row in seen["market.minute_bars"])
    assert times == [
        ("AAPL", "2016-06-29 13:30:00", "2016-06-29"),
        ("AAPL", "2016-06-29 19:59:00", "2016-06-29"),
        ("AAPL", "2016-06-30 13:30:00", "2016-06-30"),
        ("AAPL", "2016-06-30 19:59:00", "2016-06-30"),
    ]
    rules = sorted((row["session"], row["line"], row["rule"]) for row in seen["market.quarantine"])
    assert rules == [
        ("2016-06-29", 4, "session_not_carried"),
        ("2016-06-29", 5, "high_not_below_low"),
        ("2016-06-30", 4, "session_not_carried"),
        ("2016-06-30", 5, "high_not_below_low"),
    ]


def test_a_column_that_nobody_declared_is_warned_of_where_the_source_allows_it(seen: dict[str, Any]) -> None:
    reasons = {row["reason"] for row in seen["raw.drops"] if row["source"] == "vendor_bars"}
    assert len(reasons) == 1
    assert "Flag" in reasons.pop()


def test_every_source_was_audited_and_published(seen: dict[str, Any]) -> None:
    for day in ("2016-06-29", "2016-06-30"):
        assert seen[day]["validate"]["failed"] == 0
        assert seen[day]["validate"]["noop"] is False
