"""Ingest and validate on real S3, HDFS and Spark; the numbers are counted by hand from ``tests/ingest/world.py``."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.ingest import world
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_ingest.py", tmp_path_factory.mktemp("ingest"), services.env)


@pytest.fixture
def bulk(seen: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = seen["bulk"]
    return found


def test_every_drop_gets_its_line_in_the_ledger(bulk: dict[str, Any]) -> None:
    # 12 sessions and a holiday of prices, 2 reports, 3 symbol masters
    assert Counter(state for _, state, _ in bulk["ledger"]) == {"landed": 15, "quarantined": 2, "empty": 1}
    assert bulk["first"]["ingest"]["drops"] == {
        "landed": 15, "quarantined": 2, "empty": 1, "duplicate": 0, "revised": 0,
    }  # fmt: skip


def test_what_is_passed_over_is_named_with_the_reason(bulk: dict[str, Any]) -> None:
    refused = {drop["key"]: drop["reason"] for drop in bulk["first"]["ingest"]["refused_drops"]}
    assert "2016-01-18 (Monday) is not a session" in refused["prices/2016/20160118.csv.gz"]
    assert "ends too early" in refused["prices/2016/20160106.csv.gz"]
    assert refused["prices/2016/20160114.csv.gz"] == "no data lines"
    assert "is not named like" in refused["prices/README.txt"]


def test_unusable_lines_are_in_the_quarantine_by_rule(bulk: dict[str, Any]) -> None:
    rules = {"field_count": 1, "symbol_pattern": 1, "repeated_header": 1, "session_not_carried": 1}
    assert bulk["first"]["ingest"]["quarantine_by_rule"] == rules
    assert Counter(row[6] for row in bulk["content"]["market.quarantine"]) == rules


def test_only_what_is_new_makes_a_revision(bulk: dict[str, Any]) -> None:
    bars = bulk["content"]["market.bars"]
    first = [row for row in bars if row[9] == "0"]
    assert len(first) == 30 * 12  # the sessions of the empty and the corrupt drop came with the drops after them
    again = sorted((row[0], row[1]) for row in bars if row[9] == "1")
    assert again == [("S01", str(world.day(4))), ("S02", str(world.day(6))), ("S03", str(world.day(5)))]
    assert len(bars) == 363


def test_corporate_actions_are_derived(bulk: dict[str, Any]) -> None:
    (split, dividend) = bulk["content"]["market.corporate_actions"]
    assert (split[0], split[1], float(split[2]), split[3]) == ("S01", str(world.day(5)), 0.5, "split")
    # S02 closed at 22.60 on the evening before: (22.60 - 0.25) / 22.60
    assert (dividend[0], dividend[1], dividend[3]) == ("S02", str(world.day(7)), "dividend")
    assert float(dividend[2]) == pytest.approx(22.35 / 22.60)


def test_the_symbol_log_and_the_filings_keep_what_changed(bulk: dict[str, Any]) -> None:
    log = bulk["content"]["market.symbols"]
    assert len(log) == 31
    assert [row[:4] for row in log if row[0] in {"S00", "S29"}] == [
        ["S00", "Company S00", str(world.day(0)), "listed"],
        ["S00", "Company S00", str(world.day(10)), "delisted"],
        ["S29", "Company S29", str(world.day(5)), "listed"],
    ]
    filings = [(row[0], row[6]) for row in bulk["content"]["market.fundamentals"]]
    assert filings == [("S01", "100.0"), ("S01", "101.0"), ("S02", "200.0")]


def test_the_audit_ran_and_moved_main(bulk: dict[str, Any]) -> None:
    validated = bulk["first"]["validate"]
    assert validated["expectations"] > 30
    assert (validated["failed"], validated["noop"]) == (0, False)
    assert validated["bars_snapshot"] == bulk["first"]["ingest"]["bars_snapshot"] == bulk["heads"]["market.bars"]
    assert bulk["files"] == 1  # one month, one file


def test_a_rerun_changes_nothing(bulk: dict[str, Any]) -> None:
    assert bulk["again"]["ingest"]["noop"] is True
    assert bulk["again"]["ingest"]["bars_snapshot"] == bulk["heads"]["market.bars"]
    assert bulk["again"]["validate"]["noop"] is True
    assert bulk["heads_again"] == bulk["heads"]


def test_every_run_is_recorded(bulk: dict[str, Any]) -> None:
    assert sorted(map(tuple, bulk["verdicts"])) == [
        ("ingest", "done"),
        ("ingest", "noop"),
        ("validate", "noop"),
        ("validate", "published"),
    ]


@pytest.mark.parametrize(
    "table",
    ["market.bars", "market.corporate_actions", "market.symbols", "market.fundamentals", "market.quarantine"],
)
def test_day_by_day_gives_the_rows_of_all_at_once(seen: dict[str, Any], table: str) -> None:
    assert seen["daily"]["content"][table] == seen["bulk"]["content"][table]


def test_a_session_whose_own_drop_is_empty_fails_and_the_next_goes_on(seen: dict[str, Any]) -> None:
    runs = seen["daily"]["runs"]
    assert runs[str(world.EMPTY)]["error"].startswith("MissingDropsError")
    assert "is empty" in runs[str(world.EMPTY)]["error"]
    assert runs["9"]["validate"]["failed"] == 0


def test_a_session_without_a_drop_names_the_place_and_what_was_looked_for(seen: dict[str, Any]) -> None:
    error = seen["later"]["missing"]["error"]
    assert error.startswith("MissingDropsError: source us_daily_prices: no drop of session 2016-01-21 in s3:prices/")


def test_a_failing_audit_leaves_main_where_it_was(seen: dict[str, Any]) -> None:
    later = seen["later"]
    assert later["thin"]["error"].startswith("ValidationFailedError")
    assert "rule row_count on session_facts" in later["thin"]["error"]
    assert later["unmoved"] is True
    assert later["main_rows"] == len(seen["bulk"]["ledger"])


def test_the_same_session_passes_once_it_is_delivered_whole(seen: dict[str, Any]) -> None:
    good = seen["later"]["good"]
    assert (good["ingest"]["drops"]["landed"], good["validate"]["failed"]) == (1, 0)


def test_other_bytes_are_a_revision_and_the_same_bytes_a_duplicate(seen: dict[str, Any]) -> None:
    drops = seen["later"]["revised"]["ingest"]["drops"]
    assert (drops["revised"], drops["duplicate"], drops["landed"]) == (1, 1, 0)
    assert [(row[5], row[9]) for row in seen["later"]["revisions"]] == [("32.2", "0"), ("33.2", "1")]


def test_too_much_rubbish_fails_with_its_counts_and_publishes_nothing(seen: dict[str, Any]) -> None:
    error = seen["later"]["rubbish"]["error"]
    assert error.startswith("ValidationFailedError: ")
    assert "drop prices/2016/20160122.csv.gz: 25 of 85 lines broke a rule" in error
    assert "not_a_number 25" in error
    assert seen["later"]["unmoved_again"] is True


def test_publishing_that_broke_off_is_finished_by_the_next_try(seen: dict[str, Any]) -> None:
    crash = seen["crash"]
    assert crash["validate"]["noop"] is False
    assert crash["left"] == []
    assert crash["again"]["noop"] is True


def test_the_corrupt_drop_of_the_session_itself_fails_and_writes_nothing(seen: dict[str, Any]) -> None:
    assert seen["corrupt"]["own"]["error"].startswith("CorruptDropError")
    assert "prices/2016/20160106.csv.gz" in seen["corrupt"]["own"]["error"]
    assert seen["corrupt"]["rows"] == 0


def test_a_bucket_without_any_drop_is_named(seen: dict[str, Any]) -> None:
    assert seen["corrupt"]["no_drops"]["error"].startswith("MissingDropsError")
    assert "found no drop at all" in seen["corrupt"]["no_drops"]["error"]


def test_a_holiday_is_not_a_session(seen: dict[str, Any]) -> None:
    assert seen["corrupt"]["holiday"].startswith("NotASessionError: 2016-01-18 (Monday)")
