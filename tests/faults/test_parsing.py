"""Rows 5, 13, 15, 17, 21 and 35 in one drop: what cannot be read, and instants in zones. Expected instants by hand."""

from __future__ import annotations

import bz2
import gzip
from datetime import UTC, date, datetime
from typing import Any

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source, load_source
from tests.faults import market

TEXT = "\n".join(market.whole(1)).encode()
BODY = gzip.compress(TEXT, mtime=0)


def prices(body: bytes) -> ParsedDrop:
    source = load_source("us_daily_prices")
    name = DropName(market.prices_key(1), market.day(1), source.sessions_carried(market.day(1)))
    return parse_drop(source, load_rules(source.quality), name, body)


def test_the_whole_drop_is_read() -> None:
    assert (prices(BODY).rows.height, prices(BODY).rejected.height) == (200, 0)


def test_row_13_a_drop_cut_anywhere_fails() -> None:
    for size in (1, 9, 17, len(BODY) // 3, len(BODY) - 9, len(BODY) - 1):
        with pytest.raises(CorruptDropError, match=market.prices_key(1)):
            prices(BODY[:size])


def test_row_13_a_bit_flipped_anywhere_in_the_data_or_its_sum_fails() -> None:
    for at in (11, len(BODY) // 2, len(BODY) - 8, len(BODY) - 1):
        with pytest.raises(CorruptDropError, match=market.prices_key(1)):
            prices(BODY[:at] + bytes([BODY[at] ^ 0x10]) + BODY[at + 1 :])


def test_row_13_what_follows_the_compressed_data_is_not_skipped() -> None:
    with pytest.raises(CorruptDropError, match=r"aren't gzip|not gzip"):
        prices(BODY + b"more")


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html>503</html>",
        gzip.compress(b"<html>\n<title>503 Service Unavailable</title>\n</html>"),
        b'{"error": "try later"}',
        bz2.compress(TEXT),
        TEXT,
    ],
    ids=["page", "packed page", "json", "other compression", "not compressed"],
)
def test_row_15_what_is_not_of_the_claimed_format_fails(body: bytes) -> None:
    with pytest.raises(CorruptDropError, match=rf"drop {market.prices_key(1)}: expected .*found"):
        prices(body)


@pytest.mark.parametrize("column", market.HEADER.split(","))
def test_row_17_every_column_is_missed_by_its_name(column: str) -> None:
    header = market.HEADER.replace(column, f"{column}_") if column != "close" else market.HEADER.replace(",close", ",c")
    with pytest.raises(CorruptDropError, match=rf"missing: {column}; not declared: "):
        prices(gzip.compress(TEXT.replace(market.HEADER.encode(), header.encode())))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_row_21_an_undeclared_encoding_fails(encoding: str) -> None:
    text = TEXT.decode().replace("S00", "S\u00e9")
    with pytest.raises(CorruptDropError):
        prices(gzip.compress(text.encode(encoding)))


def test_row_31_different_rows_under_one_key_are_both_set_aside_unless_the_source_decides() -> None:
    pair = [market.row("S01", 1, 1), market.bar("S01", 1, 99.0)]
    lines = [market.HEADER, *pair, market.row("S02", 1, 1), market.row("S02", 1, 1)]
    source = load_source("us_daily_prices").model_copy(update={"duplicates": "set_aside"})
    name = DropName(market.prices_key(1), market.day(1), source.sessions_carried(market.day(1)))
    found = parse_drop(source, load_rules(source.quality), name, market.packed(lines))
    assert found.rejected.select("line", "rule").rows() == [(2, "one_row_per_drop"), (3, "one_row_per_drop")]
    assert (found.rows["symbol"].to_list(), found.collapsed) == (["S02"], 1)


MINUTES = {
    "name": "minutes",
    "kind": "minute_bars",
    "store": "s3",
    "prefix": "minutes/",
    "key_pattern": r"minutes/(?P<session>\d{8})\.csv\.gz",
    "time_zone": "America/New_York",
    "knowledge": {"rule": "session_close", "delay_minutes": 30},
    "carries": ["same", "previous"],
    "format": {"delimiter": ","},
    "columns": {
        "symbol": {"name": "symbol", "type": "string"},
        "time": {"name": "at", "type": "timestamp"},
        **{name: {"name": name, "type": "double"} for name in ("open", "high", "low", "close")},
        "volume": {"name": "volume", "type": "bigint"},
    },
    "symbol_pattern": "[A-Z]+",
    "quality": "minute_bars",
    "quarantine_budget": {"share": 0.1, "lines": 20},
}


def minutes(session: date, *times: str, **changes: Any) -> ParsedDrop:
    """The drop of ``session`` with one bar a time."""
    source = Source.model_validate(MINUTES | changes)
    lines = ["symbol,time,open,high,low,close,volume", *(f"S,{time},1.00,1.00,1.00,1.00,1" for time in times)]
    name = DropName("minutes/x.csv.gz", session, source.sessions_carried(session))
    return parse_drop(source, load_rules(source.quality), name, gzip.compress("\n".join(lines).encode()))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_row_05_a_half_days_minutes_end_with_its_close() -> None:
    # The day after Thanksgiving 2016: 9:30 to 13:00 in New York, 210 minutes instead of 390.
    times = [f"2016-11-25 {at // 60:02d}:{at % 60:02d}:00" for at in range(9 * 60 + 30, 16 * 60)]
    found = minutes(date(2016, 11, 25), *times)
    assert found.rows.height == 210
    assert found.rows["at"].max() == utc(2016, 11, 25, 17, 59)
    assert found.rejected["rule"].to_list() == ["session_not_carried"] * 180


def test_row_35_naive_times_are_of_the_sources_zone_on_both_sides_of_a_change_of_clocks() -> None:
    # The clocks of New York went back on Sunday, 6 November 2016, and forward on 13 March.
    found = minutes(date(2016, 11, 7), "2016-11-04 09:30:00", "2016-11-07 09:30:00").rows
    assert found["at"].to_list() == [utc(2016, 11, 4, 13, 30), utc(2016, 11, 7, 14, 30)]
    assert found["session"].to_list() == [date(2016, 11, 4), date(2016, 11, 7)]
    found = minutes(date(2016, 3, 14), "2016-03-11 09:30:00", "2016-03-14 09:30:00").rows
    assert found["at"].to_list() == [utc(2016, 3, 11, 14, 30), utc(2016, 3, 14, 13, 30)]


@pytest.mark.parametrize(
    "time",
    [
        "2016-11-06 01:30:00",
        "2016-03-13 02:30:00",
        "2016-11-07T09:30:00-05:00",
        "2016-11-07T14:30:00Z",
        "09:30",
        "noon",
    ],
    ids=["twice that day", "never", "with an offset", "in UTC", "without a day", "a word"],
)
def test_row_35_a_time_that_is_not_plainly_local_is_set_aside(time: str) -> None:
    found = minutes(date(2016, 11, 7), time, "2016-11-07 09:30:00")
    assert found.rows["at"].to_list() == [utc(2016, 11, 7, 14, 30)]
    (reason,) = found.rejected["reason"].to_list()
    assert "a local time of America/New_York that exists once" in reason


def test_row_35_times_with_offsets_are_read_by_them_and_naive_ones_set_aside() -> None:
    columns = MINUTES["columns"] | {"time": {"name": "at", "type": "timestamp", "zone": "offset"}}  # type: ignore[operator]
    found = minutes(
        date(2016, 6, 30),
        "2016-06-30T09:30:00-04:00",
        "2016-06-30T13:31:00Z",
        "2016-06-30T15:32:00+02:00",
        "2016-06-30 09:33:00",
        columns=columns,
    )
    assert sorted(found.rows["at"].to_list()) == [utc(2016, 6, 30, 13, minute) for minute in (30, 31, 32)]
    assert found.rejected["line"].to_list() == [5]


def test_row_35_rows_of_the_future_are_set_aside() -> None:
    # The drop is known at 21:30 UTC, half an hour after the bell.
    found = minutes(date(2016, 11, 7), "2016-11-07 15:59:00", "2016-11-07 17:00:00", "2016-11-08 09:30:00", hours="day")
    assert found.rows["at"].to_list() == [utc(2016, 11, 7, 20, 59)]
    assert found.rejected["line"].to_list() == [3, 4]
    assert set(found.rejected["rule"].to_list()) <= {"future_time", "session_not_carried"}


def test_row_35_a_minute_outside_the_hours_belongs_to_no_session() -> None:
    found = minutes(date(2016, 11, 7), "2016-11-07 09:29:00", "2016-11-07 09:30:00", "2016-11-07 16:00:00")
    assert found.rows["at"].to_list() == [utc(2016, 11, 7, 14, 30)]
    assert found.rejected["rule"].to_list() == ["session_not_carried"] * 2
