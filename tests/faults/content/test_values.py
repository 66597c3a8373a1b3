"""Rows 22 to 34, 37 and 38: what lines say, end to end on real S3, HDFS, Spark and Iceberg.

The market and its faults are in ``tests/faults/market.py``; every number here is counted by hand from it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import half_day, market
from tests.faults.content.reading import aside, bars, drop_of, rules
from tests.faults.market import day

pytestmark = pytest.mark.services


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


def test_row_37_numbers_are_read_strictly(bulk: dict[str, Any]) -> None:
    assert aside(bulk, market.NUMBERS_AT) == [
        ("", "field_count"),  # a decimal comma is a field more
        ("X1", "not_a_number"),
        ("X2", "not_a_number"),
        ("X3", "not_a_number"),
    ]


def test_row_38_too_many_lines_set_aside_fail_with_their_counts_and_publish_nothing(seen: dict[str, Any]) -> None:
    found = seen["later"]["rubbish"]
    assert found["error"].startswith("ValidationFailedError: ")
    assert "drop prices/2016/20160223.csv.gz: 30 of 230 lines" in found["error"]
    assert "not_a_number 30" in found["error"]
    assert found["unmoved"] is True


def test_row_38_too_few_symbols_fail_and_publish_nothing(seen: dict[str, Any]) -> None:
    found = seen["later"]["thin"]
    assert found["error"].startswith("ValidationFailedError")
    assert "row_count" in found["error"]
    assert "coverage" in found["error"]
    assert found["unmoved"] is True
