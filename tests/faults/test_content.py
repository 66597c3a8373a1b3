"""Rows 2 to 5, 7 to 9, 11 to 38: what drops contain, end to end on real S3, HDFS, Spark and Iceberg.

The market and its faults are in ``tests/faults/market.py``; every number here is counted by hand from it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Services
from tests.faults import half_day, market
from tests.faults.market import day
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
Row = dict[str, Any]


@pytest.fixture(scope="module")
def seen(services: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/faults/scenario_content.py", tmp_path_factory.mktemp("content"), services.env)


@pytest.fixture
def bulk(seen: dict[str, Any]) -> dict[str, Any]:
    """Everything up to ``market.LAST`` in one run: the tables after it, and what the run said."""
    found = seen["bulk"]
    assert "error" not in found["run"], found["run"]
    return {**found["tables"], **found["run"], "report": found["report"]}


def bars(tables: dict[str, Any], symbol: str, number: int) -> list[Row]:
    """The revisions of one bar, oldest first."""
    found = [row for row in tables["market.bars"] if (row["symbol"], row["session"]) == (symbol, str(day(number)))]
    return sorted(found, key=lambda row: row["revision"])


def drop_of(tables: dict[str, Any], number: int) -> Row:
    """The ledger's line of the prices of a session."""
    (found,) = [row for row in tables["raw.drops"] if row["key"] == market.prices_key(number)]
    return dict(found)


def aside(tables: dict[str, Any], number: int) -> list[tuple[str, str]]:
    """Symbol and rule of each line that the drop of a session set aside, bars that repeat for too long left out."""
    rows = [row for row in tables["market.quarantine"] if row["key"] == market.prices_key(number)]
    rows = [row for row in rows if row["rule"] != "stale"]
    return sorted((row["symbol"] or "", row["rule"]) for row in rows)


def rules(tables: dict[str, Any], number: int) -> list[str]:
    return sorted(rule for _, rule in aside(tables, number))


def test_the_run_over_all_that_is_published_and_its_audit_has_no_failure(bulk: dict[str, Any]) -> None:
    assert (bulk["validate"]["failed"], bulk["validate"]["noop"]) == (0, False)
    # 33 sessions of 100 symbols, less one gap and three stale bars; ZV once.
    keys = {(row["symbol"], row["session"]) for row in bulk["market.bars"]}
    assert len(keys) == 33 * 100 - 1 - 3 + 1


def stopped(seen: dict[str, Any], name: str) -> str:
    """The error of a run that had to stop; it left the lake as it was."""
    found = seen["stops"][name]
    assert found["unmoved"] is True
    return str(found["error"])


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


REFUSED = {
    market.CUT_SHORT: "ends too early",
    market.BAD_SUM: "corrupt",
    market.BOMB: "200 times",
    market.PAGE: "expected gzip, found",
    market.COLUMN_GONE: "missing: adj_close",
    market.COLUMN_RENAMED: "missing: volume; not declared: shares",
    market.OTHER_ENCODING: "expected utf-8",
}


def refused(tables: dict[str, Any], number: int) -> None:
    line = drop_of(tables, number)
    assert (line["state"], line["rows"]) == ("quarantined", 0)
    assert REFUSED[number] in line["reason"]
    assert line["key"] in {drop["key"] for drop in tables["ingest"]["refused_drops"]}
    # What it would have told came with the drop after it, and is not known before that.
    assert [row["drop_id"][:24] for row in bars(tables, "S05", number)] == [f"us_daily_prices:{day(number + 1):%Y%m%d}"]


def test_row_13_corrupt_compression_fails_and_is_never_skipped(seen: dict[str, Any]) -> None:
    error = stopped(seen, "cut short")
    assert error.startswith("CorruptDropError: ")
    assert "prices/2016/20160105.csv.gz: the gzip data ends too early" in error


@pytest.mark.parametrize("number", [market.CUT_SHORT, market.BAD_SUM])
def test_row_13_among_many_it_is_named_in_the_ledger(bulk: dict[str, Any], number: int) -> None:
    refused(bulk, number)


def test_row_14_a_decompression_bomb_fails_at_the_stated_limit(seen: dict[str, Any], bulk: dict[str, Any]) -> None:
    error = stopped(seen, "bomb")
    assert error.startswith("CorruptDropError: ")
    assert "decompresses to more than 40772000 bytes" in error  # 200 times its 203,860
    refused(bulk, market.BOMB)


def test_row_15_an_error_page_instead_of_a_drop_fails_on_what_it_starts_with(seen: dict[str, Any]) -> None:
    error = stopped(seen, "page")
    assert error.startswith("CorruptDropError: ")
    assert "expected gzip, found an object that starts with b'<!DOCTYPE html" in error


def test_row_15_among_many_it_is_named_in_the_ledger(bulk: dict[str, Any]) -> None:
    refused(bulk, market.PAGE)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("column gone", "missing: adj_close; not declared: none"),
        ("column renamed", "missing: volume; not declared: shares"),
    ],
)
def test_row_17_a_column_that_is_missing_or_renamed_fails_by_its_name(
    seen: dict[str, Any], name: str, says: str
) -> None:
    error = stopped(seen, name)
    assert error.startswith("CorruptDropError: ")
    assert says in error


def test_row_17_a_column_of_another_type_fails_by_its_name(seen: dict[str, Any]) -> None:
    error = stopped(seen, "column of words")
    assert "prices/2016/20160105.csv.gz" in error
    assert "column volume: expected a whole number, found 'many'" in error


@pytest.mark.parametrize("number", [market.COLUMN_GONE, market.COLUMN_RENAMED])
def test_row_17_among_many_it_is_named_in_the_ledger(bulk: dict[str, Any], number: int) -> None:
    refused(bulk, number)


def test_row_18_an_added_column_fails_by_its_name_where_the_source_does_not_allow_it(seen: dict[str, Any]) -> None:
    error = stopped(seen, "column added")
    assert error.startswith("CorruptDropError: ")
    assert "not declared: venue" in error


def test_row_18_an_added_column_is_accepted_with_a_warning_where_the_source_allows_it(seen: dict[str, Any]) -> None:
    found = seen["stops"]["added, allowed"]
    assert "error" not in found, found
    assert (found["ingest"]["rows"], found["validate"]["failed"]) == (401, 0)
    # 100 bars of session 0, 200 of the drop of session 1, 2 filings, and 99 names in the symbol master
    assert "venue" in found["reason"]


def test_row_19_columns_in_another_order_are_read_by_name(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.REORDERED) == []
    (found,) = bars(bulk, "S05", 1)
    assert (found["open"], found["close"], found["volume"], found["adj_close"]) == (25.1, 25.1, 2005, 25.1)


def test_row_20_lines_with_too_few_or_too_many_fields_are_set_aside(bulk: dict[str, Any]) -> None:
    assert rules(bulk, market.BROKEN_LINES).count("field_count") == 2


def test_row_21_a_byte_order_mark_and_windows_line_ends_are_stripped(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.MARKED) == []
    assert drop_of(bulk, market.MARKED)["rows"] == 200


def test_row_21_any_other_encoding_fails(seen: dict[str, Any]) -> None:
    error = stopped(seen, "utf-16")
    assert error.startswith("CorruptDropError: ")
    assert "expected utf-8 text, found byte 0x" in error


def test_row_21_among_many_it_is_named_in_the_ledger(bulk: dict[str, Any]) -> None:
    refused(bulk, market.OTHER_ENCODING)


def test_row_22_a_huge_field_a_stray_quote_and_a_nul_are_set_aside_alone(bulk: dict[str, Any]) -> None:
    found = rules(bulk, market.BROKEN_LINES)
    assert sorted(found) == ["control_character", "field_count", "field_count", "line_too_long", "symbol_pattern"]
    assert drop_of(bulk, market.BROKEN_LINES)["rows"] == 200  # the quote swallowed no line


def test_row_23_symbols_outside_the_pattern_are_set_aside(bulk: dict[str, Any]) -> None:
    assert rules(bulk, market.SYMBOLS_AT) == ["symbol_pattern"] * 5


def test_row_24_impossible_prices_are_set_aside_and_counted_by_rule(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.PRICES_AT) == [
        ("X0", "complete"),
        ("X1", "not_a_number"),
        ("X2", "not_a_number"),
        ("X3", "price_positive"),
        ("X4", "price_positive"),
    ]
    assert bulk["ingest"]["quarantine_by_rule"]["price_positive"] == 2


def test_row_25_prices_out_of_order_are_set_aside(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.ORDER_AT) == [
        ("X0", "high_not_below_low"),
        ("X1", "open_not_above_high"),
        ("X2", "close_not_below_low"),
    ]


def test_row_26_a_bar_without_volume_is_accepted(bulk: dict[str, Any]) -> None:
    (found,) = bars(bulk, "ZV", market.ORDER_AT)
    assert (found["volume"], found["close"]) == (0, 5.0)


def test_row_26_bars_without_volume_are_listed_in_the_report(seen: dict[str, Any], bulk: dict[str, Any]) -> None:
    found = bulk["report"]["without_volume"]
    assert found == {"newest": [{"symbol": "ZV", "session": str(day(market.ORDER_AT))}], "in_all": 1}
    idle = seen["half_day"]["monday"]["report"]["without_volume"]
    assert [line["symbol"] for line in idle["newest"]] == half_day.IDLE


def test_row_26_a_session_with_many_of_them_is_warned_of(seen: dict[str, Any]) -> None:
    monday = seen["half_day"]["monday"]
    assert "rule without_volume" in monday["validate"]["warnings"][0]
    assert {line["rule"]: line["value"] for line in monday["report"]["facts"]}["without_volume"] == 0.08


def test_row_27_a_hundredfold_jump_is_held_and_put_right_by_the_next_drop(bulk: dict[str, Any]) -> None:
    assert (market.UNITS, "jump") in aside(bulk, market.JUMP_AT)
    (found,) = bars(bulk, market.UNITS, market.JUMP_AT)
    # 20 + 20 + 1.3, told by the drop after it
    assert (found["close"], found["drop_id"][:24]) == (41.3, f"us_daily_prices:{day(market.JUMP_AT + 1):%Y%m%d}")


def test_row_27_a_real_fall_is_held_until_the_next_drop_confirms_it(bulk: dict[str, Any]) -> None:
    assert (market.CRASH, "jump") in aside(bulk, market.JUMP_AT)
    (found,) = bars(bulk, market.CRASH, market.JUMP_AT)
    assert (found["close"], found["knowledge_time"][:10]) == (4.23, str(day(market.JUMP_AT + 1)))


def standing(tables: dict[str, Any], symbol: str) -> list[tuple[str, float, str]]:
    """Ex-session, factor and kind of the actions that stand in the end: a later row replaces, 1.0 withdraws."""
    rows = [row for row in tables["market.corporate_actions"] if row["symbol"] == symbol]
    newest = {row["ex_session"]: row for row in sorted(rows, key=lambda row: row["knowledge_time"])}
    return [(at, row["factor"], row["kind"]) for at, row in sorted(newest.items()) if row["factor"] != 1.0]


def test_row_28_a_split_and_a_dividend_give_their_factor_and_ex_session(bulk: dict[str, Any]) -> None:
    ex = str(day(market.ACTION_AT))
    assert standing(bulk, market.SPLIT) == [(ex, 0.5, "split")]
    ((at, factor, kind),) = standing(bulk, market.DIVIDEND)
    # S11 closed at 20 + 11 + 1.1 the evening before, and paid 0.25
    assert (at, kind) == (ex, "dividend")
    assert factor == pytest.approx((32.1 - 0.25) / 32.1)
    actors = {market.SPLIT, market.DIVIDEND, market.EARLY}
    assert {row["symbol"] for row in bulk["market.corporate_actions"] if row["factor"] != 1.0} == actors


def test_row_29_an_adjustment_shown_early_takes_effect_on_its_ex_session_only(bulk: dict[str, Any]) -> None:
    assert standing(bulk, market.EARLY) == [(str(day(market.EX_AT)), 0.5, "split")]


def test_row_30_a_restated_price_or_volume_is_a_further_revision(bulk: dict[str, Any]) -> None:
    at = market.RESTATED - 1
    price = [(row["revision"], row["close"], row["knowledge_time"][:16]) for row in bars(bulk, "S03", at)]
    # Session 10 is 19 January, the drop after it of the 20th.
    assert price == [(0, 24.0, "2016-01-19 21:30"), (1, 25.0, "2016-01-20 21:30")]
    assert [(row["revision"], row["volume"]) for row in bars(bulk, "S04", at)] == [(0, 11004), (1, 11011)]


def test_row_31_equal_duplicates_collapse_and_of_different_ones_the_rule_decides(bulk: dict[str, Any]) -> None:
    # The source says that the last delivery in a file counts; what it supersedes is set aside.
    assert aside(bulk, market.PAIRS) == [("S01", "superseded")]
    assert drop_of(bulk, market.PAIRS)["collapsed"] == 1
    assert [(row["close"], row["revision"]) for row in bars(bulk, "S01", market.PAIRS)] == [(22.0, 0)]


def test_row_32_a_gap_is_left_open(bulk: dict[str, Any]) -> None:
    assert bars(bulk, market.GAP, market.GAP_AT) == []
    around = [len(bars(bulk, market.GAP, number)) for number in (market.GAP_AT - 1, market.GAP_AT + 1)]
    assert around == [1, 1]


def test_row_32_gaps_are_recorded_in_the_report(bulk: dict[str, Any]) -> None:
    found = bulk["report"]["gaps"]
    told = {(line["symbol"], line["first"], line["last"], line["sessions"]) for line in found["newest"]}
    # Bars that were set aside as stale leave a gap as well.
    stale = (market.STALE, str(day(7)), str(day(9)), 3)
    assert told == {(market.GAP, str(day(market.GAP_AT)), str(day(market.GAP_AT)), 1), stale}
    assert found["in_all"] == 2


def test_row_33_bars_that_repeat_past_the_limit_are_set_aside(bulk: dict[str, Any]) -> None:
    kept = [bool(bars(bulk, market.STALE, number)) for number in range(1, 12)]
    # The first of the eight and four repeats of it; the fifth to the seventh repeat are past the limit.
    assert kept == [True] * 6 + [False] * 3 + [True] * 2
    found = {row["session"] for row in bulk["market.quarantine"] if row["rule"] == "stale"}
    assert found == {str(day(number)) for number in (7, 8, 9)}
    assert {row["symbol"] for row in bulk["market.quarantine"] if row["rule"] == "stale"} == {market.STALE}


def test_row_33_bars_that_repeat_for_days_are_warned_of(bulk: dict[str, Any]) -> None:
    warned = [line for line in bulk["validate"]["warnings"] if line.startswith("rule stale on market.bars.by_symbol")]
    assert len(warned) == 1
    runs = {(line["symbol"], line["session"], line["run"]) for line in bulk["report"]["stale"]["runs"]}
    assert runs == {(market.STALE, str(day(5)), 3), (market.STALE, str(day(6)), 4)}


def test_row_34_the_symbol_master_is_a_log_of_what_was_valid_from_when(bulk: dict[str, Any]) -> None:
    log = sorted(
        (row["symbol"], row["valid_from"], row["status"], row["name"])
        for row in bulk["market.symbols"]
        if row["symbol"] in {"S40", "S41", "S42"}
    )
    assert log == [
        ("S40", "2016-01-04", "listed", "Company S40"),
        ("S40", "2016-01-11", "renamed", "Renamed Inc"),
        ("S41", "2016-01-04", "listed", "Company S41"),
        ("S41", "2016-01-11", "delisted", "Company S41"),
        ("S41", "2016-01-19", "listed", "Another Corp"),  # used again by another company
        ("S42", "2016-01-11", "listed", "Company S42"),
    ]
    assert len(bars(bulk, "S41", 4)) == 1  # what it traded before stays


@pytest.mark.parametrize(
    ("name", "which"), [("beyond the calendar", "2190-01-04"), ("named before the calendar", "18")]
)
def test_row_36_a_date_past_the_calendars_bounds_fails(seen: dict[str, Any], name: str, which: str) -> None:
    error = seen["stops"][name]["error"]
    assert error.startswith(f"CalendarBoundsError: {which}")
    assert "lies outside the XNYS calendar" in error


def test_row_37_numbers_are_read_strictly(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.NUMBERS_AT) == [
        ("", "field_count"),  # a decimal comma is a field more
        ("X1", "not_a_number"),
        ("X2", "not_a_number"),
        ("X3", "not_a_number"),
    ]


def test_row_38_too_many_lines_set_aside_fail_with_their_counts_and_publish_nothing(seen: dict[str, Any]) -> None:
    found = seen["later"]["rubbish"]
    assert found["error"].startswith("ValidationFailedError: drop prices/2016/20160223.csv.gz: 30 of 230 lines")
    assert "not_a_number 30" in found["error"]
    assert found["unmoved"] is True


def test_row_38_too_few_symbols_fail_and_publish_nothing(seen: dict[str, Any]) -> None:
    found = seen["later"]["thin"]
    assert found["error"].startswith("ValidationFailedError")
    assert "row_count" in found["error"]
    assert "coverage" in found["error"]
    assert found["unmoved"] is True


def test_row_39_an_ingest_gets_through_a_store_that_throttles_resets_and_breaks_off(seen: dict[str, Any]) -> None:
    second = seen["second"]
    assert "error" not in second["tries"][-1], second["tries"]
    assert second["moved"] is True
    assert second["requests"] >= 6  # two objects, and four answers that had to be asked for again
