"""Times as counts, in formats of a vendor's own, and bars that are labelled at their end."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.fields import typed
from afterbell.ingest.parsing.instants import read_instant
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.column import Column
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source
from tests.ingest.shapes import example

DAY = date(2016, 6, 30)
NEW_YORK = "America/New_York"
HALF_PAST_NINE = datetime(2016, 6, 30, 13, 30, tzinfo=UTC)


def column(**keys: str) -> Column:
    return Column.model_validate({"name": "at", "type": "timestamp"} | keys)


@pytest.mark.parametrize(
    ("layout", "word", "at"),
    [
        ("milliseconds", "34200000", HALF_PAST_NINE),
        ("milliseconds", "0", datetime(2016, 6, 30, 4, 0, tzinfo=UTC)),
        ("milliseconds", "86399999", datetime(2016, 7, 1, 3, 59, 59, 999000, tzinfo=UTC)),
        ("milliseconds", "34200000.125", HALF_PAST_NINE.replace(microsecond=125)),
        ("milliseconds", "86400000", None),
        ("milliseconds", "-1", None),
        ("milliseconds", "34200000.0001", None),
        ("milliseconds", "3.42e7", None),
        ("milliseconds", "09:30", None),
        ("seconds", "34200", HALF_PAST_NINE),
        ("seconds", "34200.5", HALF_PAST_NINE.replace(microsecond=500_000)),
        ("seconds", "86400", None),
        ("epoch_seconds", "1467293400", HALF_PAST_NINE),
        ("epoch_milliseconds", "1467293400000", HALF_PAST_NINE),
        ("epoch_microseconds", "1467293400000000", HALF_PAST_NINE),
        ("epoch_nanoseconds", "1467293400000000000", HALF_PAST_NINE),
        ("epoch_nanoseconds", "1467293400000000001", None),
        ("epoch_seconds", "-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("epoch_milliseconds", "9223372036854775807", None),
        ("epoch_seconds", "99999999999999999999", None),
        ("epoch_seconds", "2016-06-30 09:30", None),
        ("%Y%m%d %H:%M", "20160630 09:30", HALF_PAST_NINE),
        ("%d.%m.%Y %H:%M:%S", "30.06.2016 09:30:00", HALF_PAST_NINE),
        ("%Y%m%d %H:%M", "20160630 24:00", None),
        ("%Y%m%d %H:%M", "2016063009:30", None),
        ("", "2016-06-30 09:30:00", HALF_PAST_NINE),
    ],
)
def test_a_time_is_read_as_its_format_says(layout: str, word: str, at: datetime | None) -> None:
    assert read_instant(column(format=layout), word, NEW_YORK, DAY) == at


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"format": "milliseconds"}, "34260000"),
        ({"format": "seconds"}, "34260"),
        ({"format": "epoch_seconds"}, "1467293460"),
        ({"format": "%Y%m%d %H:%M"}, "20160630 09:31"),
        ({}, "2016-06-30 09:31:00"),
        ({"zone": "offset"}, "2016-06-30T09:31:00-04:00"),
    ],
)
def test_a_bar_that_is_labelled_at_its_end_is_stored_at_its_start(keys: dict[str, str], word: str) -> None:
    assert read_instant(column(label="end", **keys), word, NEW_YORK, DAY) == HALF_PAST_NINE


@pytest.mark.parametrize(
    ("word", "at"),
    [
        ("86400000", datetime(2016, 7, 1, 3, 59, tzinfo=UTC)),  # the last minute of the day ends with it
        ("60000", datetime(2016, 6, 30, 4, 0, tzinfo=UTC)),
        ("0", None),  # its bar would be of the day before
        ("86460000", None),
    ],
)
def test_a_day_of_bars_labelled_at_their_end_ends_at_midnight(word: str, at: datetime | None) -> None:
    assert read_instant(column(label="end", format="milliseconds"), word, NEW_YORK, DAY) == at


@pytest.mark.parametrize(
    ("word", "label", "at"),
    [
        ("20160313 02:30", "start", None),  # skipped
        ("20160313 03:00", "end", datetime(2016, 3, 13, 6, 59, tzinfo=UTC)),
        ("20161106 01:30", "start", None),  # twice
        ("20161106 01:00", "end", datetime(2016, 11, 6, 4, 59, tzinfo=UTC)),
        ("20161106 02:00", "start", datetime(2016, 11, 6, 7, 0, tzinfo=UTC)),
    ],
)
def test_daylight_saving_is_not_guessed_in_any_format(word: str, label: str, at: datetime | None) -> None:
    assert read_instant(column(format="%Y%m%d %H:%M", label=label), word, NEW_YORK, date(2016, 3, 13)) == at


def test_a_count_of_the_day_names_none_where_the_key_names_no_day() -> None:
    assert read_instant(column(format="milliseconds"), "34200000", NEW_YORK, None) is None


@pytest.mark.parametrize(
    ("keys", "word", "day"),
    [
        ({"format": "%Y%m%d %H:%M"}, "20131001 00:00", date(2013, 10, 1)),
        ({"format": "%Y%m%d %H:%M"}, "20131001 16:00", date(2013, 10, 1)),
        ({"format": "%Y%m%d %H:%M"}, "20131001 24:00", None),
        ({"format": "%Y%m%d %H:%M"}, "20131001", None),
        ({"format": "%Y%m%d %H:%M"}, "20130931 00:00", None),
        ({"format": "%Y-%m-%dT%H:%M:%S"}, "2013-10-01T00:00:00", date(2013, 10, 1)),
        ({"format": "%Y%m%d %H:%M", "label": "end"}, "20131002 00:00", date(2013, 10, 1)),
        ({"format": "%Y%m%d %H:%M", "label": "end"}, "20131001 16:00", date(2013, 10, 1)),
        ({}, "2013-10-01", date(2013, 10, 1)),
        ({"format": "epoch_seconds"}, "1380600000", date(2013, 10, 1)),  # midnight in New York
        ({"format": "epoch_seconds"}, "1380599999", date(2013, 9, 30)),
        ({"format": "epoch_milliseconds", "label": "end"}, "1380600000000", date(2013, 9, 30)),
        ({"format": "epoch_seconds"}, "2013-10-01", None),
    ],
)
def test_a_date_may_have_its_time_of_the_day(keys: dict[str, str], word: str, day: date | None) -> None:
    dated = Column.model_validate({"name": "session", "type": "date"} | keys)
    assert typed(dated, pl.Series([word]), NEW_YORK).to_list() == [day]


def minutes_with(**keys: str) -> Source:
    columns = example("minutes").model_dump()["columns"]
    columns["minute"] |= keys
    return example("minutes", columns=columns)


def parse(source: Source, data: bytes) -> ParsedDrop:
    name = DropName("minutes/20160630.csv.gz", DAY, source.sessions_carried(DAY))
    return parse_drop(source, load_rules(source.quality), name, data)


@pytest.mark.parametrize(
    ("keys", "good", "bad"),
    [
        ({"format": "milliseconds"}, "34200000", "2016-06-30 09:30:00"),
        ({"format": "epoch_seconds"}, "1467293400", "x"),
        ({"format": "%Y%m%d %H:%M"}, "20160630 09:30", "2016-06-30 09:30"),
        ({"format": "seconds", "label": "end"}, "34260", "0"),
    ],
)
def test_lines_are_read_alike_at_once_and_one_by_one(keys: dict[str, str], good: str, bad: str) -> None:
    lines = ["symbol,minute,open,high,low,close,volume", f"AAPL,{good},2,3,1,2,5"]
    for odd in ([], [f"IBM,{bad},2,3,1,2,5"], [f"IBM,{good},2,3,1,2.,5"]):
        parsed = parse(minutes_with(**keys), gzip.compress("\n".join([*lines, *odd]).encode()))
        assert parsed.rows["at"].to_list() == [HALF_PAST_NINE]
        assert parsed.rows["session"].to_list() == [DAY]
        assert parsed.rejected.height == len(odd)


def test_a_column_that_is_mostly_something_else_refuses_the_drop_and_says_what_was_expected() -> None:
    lines = [f"A{chr(65 + number)},09:{number},2,3,1,2,5" for number in range(26)]
    body = gzip.compress("\n".join(["symbol,minute,open,high,low,close,volume", *lines]).encode())
    with pytest.raises(CorruptDropError, match="milliseconds since midnight of the key's day in America/New_York"):
        parse(minutes_with(format="milliseconds"), body)


@pytest.mark.parametrize(
    ("keys", "values"),
    [
        ({"format": "milliseconds"}, pa.array([34200000], pa.int64())),
        ({"format": "epoch_seconds"}, pa.array([1467293400], pa.int32())),
        ({"format": "%Y%m%d %H:%M"}, pa.array(["20160630 09:30"])),
        ({"label": "end"}, pa.array([datetime(2016, 6, 30, 9, 31)], pa.timestamp("us"))),  # noqa: DTZ001
    ],
)
def test_parquet_times_have_the_same_formats(keys: dict[str, str], values: pa.Array) -> None:
    columns = minutes_with(**keys).model_dump()["columns"]
    source = example("minutes", columns=columns, format={"type": "parquet"})
    prices = {"open": [2.0], "high": [3.0], "low": [1.0], "close": [2.0], "volume": [5]}
    buffer = io.BytesIO()
    pq.write_table(pa.table({"symbol": ["AAPL"], "minute": values, **prices}), buffer)
    assert parse(source, buffer.getvalue()).rows["at"].to_list() == [HALF_PAST_NINE]


def test_a_parquet_time_of_another_type_than_its_format_is_named() -> None:
    columns = minutes_with(format="milliseconds").model_dump()["columns"]
    source = example("minutes", columns=columns, format={"type": "parquet"})
    table = {"symbol": ["A"], "minute": ["09:30"], "open": [2.0], "high": [3.0], "low": [1.0], "close": [2.0]}
    buffer = io.BytesIO()
    pq.write_table(pa.table({**table, "volume": [5]}), buffer)
    with pytest.raises(CorruptDropError, match="column minute: expected timestamp as whole milliseconds, found string"):
        parse(source, buffer.getvalue())
