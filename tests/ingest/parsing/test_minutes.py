"""Minute bars: local times and offsets, the hours that daylight saving skips and repeats, sessions and the future."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.instants import instant
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source
from tests.ingest.shapes import example

HEADER = "symbol,minute,open,high,low,close,volume"
PRICES = "94.44,94.50,94.40,94.45,1200"


def read(source: Source, day: date, *minutes: str) -> ParsedDrop:
    lines = "".join(f"AAPL,{minute},{PRICES}\n" for minute in minutes)
    return parse(source, day, gzip.compress(f"{HEADER}\n{lines}".encode()))


def parse(source: Source, day: date, data: bytes) -> ParsedDrop:
    name = DropName(f"minutes/{day:%Y%m%d}.csv.gz", day, source.sessions_carried(day))
    return parse_drop(source, load_rules(source.quality), name, data)


def aside(parsed: ParsedDrop) -> list[tuple[int, str]]:
    return list(zip(parsed.rejected["line"].to_list(), parsed.rejected["rule"].to_list(), strict=True))


@pytest.mark.parametrize(
    ("day", "minute", "at"),
    [
        (date(2016, 6, 30), "2016-06-30 09:30:00", datetime(2016, 6, 30, 13, 30, tzinfo=UTC)),
        (date(2016, 6, 30), "2016-06-30T15:59", datetime(2016, 6, 30, 19, 59, tzinfo=UTC)),
        (date(2016, 1, 4), "2016-01-04 09:30:00.000", datetime(2016, 1, 4, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_local_minute_is_stored_in_utc_with_its_session(day: date, minute: str, at: datetime) -> None:
    parsed = read(example("minutes"), day, minute)
    assert parsed.rows.row(0, named=True) == {
        "symbol": "AAPL", "at": at, "open": 94.44, "high": 94.5, "low": 94.4, "close": 94.45, "volume": 1200,
        "session": day,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("minute", "rule"),
    [
        ("2016-06-30 09:29:00", "session_not_carried"),
        ("2016-06-30 16:00:00", "session_not_carried"),
        ("2016-06-29 10:00:00", "session_not_carried"),
        ("2016-06-30 09:30:00Z", "not_timestamp"),
        ("2016-06-30 09:30:00-04:00", "not_timestamp"),
        ("2016-06-30", "not_timestamp"),
        ("2016-06-30 24:00:00", "not_timestamp"),
        ("06/30/2016 09:30", "not_timestamp"),
        ("1467293400", "not_timestamp"),
        ("9999-12-31 23:59", "not_timestamp"),
        ("", "complete"),
    ],
)
def test_a_minute_that_cannot_be_used_is_set_aside(minute: str, rule: str) -> None:
    parsed = read(example("minutes"), date(2016, 6, 30), "2016-06-30 10:00", minute)
    assert (aside(parsed), parsed.rows.height) == ([(3, rule)], 1)


def test_a_half_day_ends_early() -> None:
    parsed = read(example("minutes"), date(2015, 11, 27), "2015-11-27 12:59", "2015-11-27 13:00")
    assert (parsed.rows.height, aside(parsed)) == (1, [(3, "session_not_carried")])


def test_all_of_the_day_counts_where_the_source_says_so_but_not_the_future() -> None:
    source = example("minutes", hours="day")
    parsed = read(source, date(2016, 6, 30), "2016-06-30 04:00", "2016-06-30 16:15", "2016-06-30 16:31")
    assert parsed.rows["session"].to_list() == [date(2016, 6, 30)] * 2
    assert aside(parsed) == [(4, "future_time")]  # the drop is known at 16:30


def test_with_an_offset_each_minute_says_its_own() -> None:
    columns = example("minutes").model_dump()["columns"]
    columns["minute"]["zone"] = "offset"
    source = example("minutes", columns=columns)
    minutes = ("2016-06-30T09:30:00-04:00", "2016-06-30T13:31:00Z", "2016-06-30 22:32:00+0900", "2016-06-30 09:33")
    parsed = read(source, date(2016, 6, 30), *minutes)
    assert [at.minute for at in parsed.rows["at"].to_list()] == [30, 31, 32]
    assert aside(parsed) == [(5, "not_timestamp")]


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        ("2016-03-13 01:59:00", "America/New_York", datetime(2016, 3, 13, 6, 59, tzinfo=UTC)),
        ("2016-03-13 02:30:00", "America/New_York", None),  # skipped
        ("2016-03-13 03:00:00", "America/New_York", datetime(2016, 3, 13, 7, 0, tzinfo=UTC)),
        ("2016-11-06 00:59:00", "America/New_York", datetime(2016, 11, 6, 4, 59, tzinfo=UTC)),
        ("2016-11-06 01:30:00", "America/New_York", None),  # twice
        ("2016-11-06 02:00:00", "America/New_York", datetime(2016, 11, 6, 7, 0, tzinfo=UTC)),
        ("2016-11-06 01:30:00-05:00", None, datetime(2016, 11, 6, 6, 30, tzinfo=UTC)),
        ("2016-02-30 10:00:00", "America/New_York", None),
        ("2016-06-30 10:00:00.1234567", "America/New_York", None),
        # None of these has a year between 1 and 9999 in UTC.
        ("0001-01-01 00:00:00+05:00", None, None),
        ("9999-12-31 23:59:59-05:00", None, None),
        ("9999-12-31 23:59:59", "America/New_York", None),
        ("0001-01-01 00:00:00", "Asia/Tokyo", None),
    ],
)
def test_daylight_saving_is_never_guessed(text: str, zone: str | None, at: datetime | None) -> None:
    assert instant(text, zone) == at


def test_a_minute_told_twice_collapses_or_is_set_aside_with_its_like() -> None:
    minute = "2016-06-30 10:00"
    assert read(example("minutes"), date(2016, 6, 30), minute, minute).collapsed == 1
    lines = f"{HEADER}\nAAPL,{minute},{PRICES}\nAAPL,{minute}:00,{PRICES}0\n"
    parsed = parse(example("minutes"), date(2016, 6, 30), gzip.compress(lines.encode()))
    assert aside(parsed) == [(2, "one_row_per_drop"), (3, "one_row_per_drop")]


def test_minutes_as_parquet_read_alike_and_skipped_hours_are_set_aside() -> None:
    layout = {"type": "parquet"}
    source = example("minutes", format=layout, hours="day", carries=["same", "previous"])
    naive = [datetime(2016, 3, 14, 9, 30), datetime(2016, 3, 13, 2, 30), None]  # noqa: DTZ001
    columns = {
        name: [float(value)] * 3 for name, value in zip(("open", "high", "low", "close"), (2, 3, 1, 2), strict=True)
    }
    table = pa.table({"symbol": ["A", "B", "C"], "minute": naive, **columns, "volume": [1, 1, 1]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    parsed = parse(source, date(2016, 3, 14), buffer.getvalue())
    assert parsed.rows["at"].to_list() == [datetime(2016, 3, 14, 13, 30, tzinfo=UTC)]
    assert aside(parsed) == [(2, "not_timestamp"), (3, "complete")]
    assert "exists once" in parsed.rejected["reason"][0]


def minutes_as_parquet(at: pa.Array, zone: str) -> tuple[Source, bytes]:
    """A drop with these minutes, and a source that declares times of that zone."""
    columns = example("minutes").model_dump()["columns"]
    columns["minute"]["zone"] = zone
    source = example("minutes", format={"type": "parquet"}, columns=columns, hours="day")
    prices = {name: [1.0] * len(at) for name in ("open", "high", "low", "close")}
    table = pa.table({"symbol": ["A"] * len(at), "minute": at, **prices, "volume": [1] * len(at)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return source, buffer.getvalue()


@pytest.mark.parametrize("zone", ["+05:30", "-00:30", "America/New_York", "UTC", "Nowhere/Known"])
@pytest.mark.parametrize(("unit", "scale"), [("ms", 1), ("us", 1_000), ("ns", 1_000_000)])
def test_a_parquet_time_with_any_zone_is_the_instant(zone: str, unit: str, scale: int) -> None:
    at = pa.array([1467294600000 * scale], pa.int64()).view(pa.timestamp(unit, zone))
    source, data = minutes_as_parquet(at, "offset")
    parsed = parse(source, date(2016, 6, 30), data)
    assert parsed.rows["at"].to_list() == [datetime(2016, 6, 30, 13, 50, tzinfo=UTC)]


def test_a_time_of_an_unknown_zone_that_is_set_aside_is_shown_in_utc() -> None:
    at = pa.array([1467208200000], pa.int64()).view(pa.timestamp("ms", "Nowhere/Known"))
    parsed = parse(*minutes_of(at))
    assert aside(parsed) == [(1, "session_not_carried")]
    assert '"minute": "2016-06-29 13:50:00.000Z"' in parsed.rejected["raw"][0]


def minutes_of(at: pa.Array) -> tuple[Source, date, bytes]:
    source, data = minutes_as_parquet(at, "offset")
    return source, date(2016, 6, 30), data


@pytest.mark.parametrize("zone", [None, "UTC", "+05:30"])
# The last one is 2016-06-30 09:50 with 2**64 microseconds more: it must not come back round as that minute.
@pytest.mark.parametrize("beyond", [2**62, -(2**63), 18446744073709551 + 1467294600000])
def test_a_parquet_time_beyond_what_microseconds_hold_refuses_the_drop_by_its_column(
    zone: str | None, beyond: int
) -> None:
    at = pa.array([1467294600000, beyond], pa.int64()).view(pa.timestamp("ms", zone))
    source, data = minutes_as_parquet(at, "offset" if zone else "source")
    with pytest.raises(CorruptDropError, match=r"drop minutes/20160630\.csv\.gz: column minute: .* timestamp\[ms"):
        parse(source, date(2016, 6, 30), data)


@pytest.mark.parametrize("micros", [2**62, -(2**63), 253402300800000000, -62135596800000001, -62135596800000000])
def test_a_parquet_time_outside_the_years_1_to_9999_is_set_aside(micros: int) -> None:
    at = pa.array([1467294600000000, micros], pa.int64()).view(pa.timestamp("us", "+05:30"))
    assert aside(parse(*minutes_of(at))) == [(2, "not_timestamp")]


def test_a_parquet_time_with_a_zone_where_none_is_declared_is_named() -> None:
    source = example("minutes", format={"type": "parquet"})
    at = pa.array([datetime(2016, 6, 30, 13, 30, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = pa.table(
        {"symbol": ["A"], "minute": at, "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1]}
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    with pytest.raises(Exception, match=r"column minute: expected timestamp without a zone, found timestamp\[us"):
        parse(source, date(2016, 6, 30), buffer.getvalue())
