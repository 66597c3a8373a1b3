"""Rows 13 to 21: drops that can't be read as declared, end to end on real S3, HDFS, Spark and Iceberg.

The market and its faults are in ``tests/faults/market.py``; every number here is counted by hand from it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import market
from tests.faults.content.reading import aside, bars, drop_of, rules, stopped
from tests.faults.market import day

pytestmark = pytest.mark.services


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
