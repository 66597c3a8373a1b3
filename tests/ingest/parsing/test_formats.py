"""Other vendors' files by configuration alone: names, order, delimiters, dates, compressions, and their limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pytest

from afterbell.errors import CorruptDropError
from afterbell.sources.rules import rules_of
from tests.ingest.drops import DAY, GOOD, HEADER, parse, parse_as, prices, rules
from tests.ingest.shapes import example

LINES = "Shares;Ticker;TradeDate;PxLast;PxOpen;PxHigh;PxLow\n35836300;AAPL;06/30/2016;95.6;94.44;95.77;94.3\n"


def arrow(how: str) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, how) as out:
            out.write(data)
        found: bytes = sink.getvalue().to_pybytes()
        return found

    return compress


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": arrow("zstd"),
    "lz4": arrow("lz4"),
}
PACKED = [how for how in COMPRESSIONS if how != "none"]


def layout(how: str) -> dict[str, object]:
    return {"type": "csv", "delimiter": ";", "compression": how}


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_every_compression_reads_alike(how: str) -> None:
    parsed = parse_as(example("vendor_bars", format=layout(how)), COMPRESSIONS[how](LINES.encode()))
    assert parsed.rows.row(0, named=True) == {
        "symbol": "AAPL", "session": DAY, "open": 94.44, "high": 95.77, "low": 94.3, "close": 95.6, "volume": 35836300,
    }  # fmt: skip


@pytest.mark.parametrize("how", PACKED)
def test_members_one_after_another_are_one_object(how: str) -> None:
    header, line = (COMPRESSIONS[how](part.encode()) for part in LINES.splitlines(keepends=True))
    assert parse_as(example("vendor_bars", format=layout(how)), header + line).rows.height == 1


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: data[:-5], "ends too early|corrupt"),
        (lambda data: data[:-9] + b"\xff" * 9, "corrupt|aren't|ends too early"),
        (lambda data: data + b"something else", "aren't|corrupt"),
        (lambda _: b"<html>503 Slow Down</html>", "expected (gzip|bz2|xz|zstd|lz4), found an object that starts with"),
    ],
)
def test_a_broken_object_is_refused_by_name(how: str, harm: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(CorruptDropError, match=message) as caught:
        parse_as(example("vendor_bars", format=layout(how)), harm(COMPRESSIONS[how](LINES.encode() * 50)))
    assert "20160630" in str(caught.value)


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("limits", [{"uncompressed_bytes": 100_000}, {"ratio": 2}])
def test_a_bomb_is_refused_at_the_stated_limit(how: str, limits: dict[str, int]) -> None:
    data = COMPRESSIONS[how](b"0" * 20_000_000)
    with pytest.raises(CorruptDropError, match="decompresses to more than"):
        parse_as(example("vendor_bars", format=layout(how), limits=limits), data)


def test_a_plain_object_over_the_limit_is_refused() -> None:
    source = example("vendor_bars", format=layout("none"), limits={"uncompressed_bytes": 100})
    with pytest.raises(CorruptDropError, match="more than 100"):
        parse_as(source, LINES.encode() * 10)


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(CorruptDropError, match="limit of source us_daily_prices is 2 lines"):
        prices(GOOD, GOOD, GOOD, limits={"rows": 2})


def test_a_column_more_is_told_where_the_source_asks_for_a_warning() -> None:
    lines = LINES.replace("PxLow\n", "PxLow;Vwap\n").replace("94.3\n", "94.3;95.1\n")
    parsed = parse_as(example("vendor_bars"), COMPRESSIONS["zstd"](lines.encode()))
    assert parsed.rows.width == 7
    assert parsed.notes == ("columns that source vendor_bars doesn't declare were passed over: Vwap",)


@pytest.mark.parametrize(("extra", "notes"), [("ignore", ()), ("warn", 1)])
def test_an_extra_column_may_hold_anything(extra: str, notes: object) -> None:
    layout = {"delimiter": ",", "extra_columns": extra}
    data = gzip.compress(f'{HEADER},note\n{GOOD},"1e5 é\n{GOOD.replace("AAPL", "B")},\n'.encode())
    parsed = parse(data, format=layout)
    assert (parsed.rows["symbol"].to_list(), rules(parsed), len(parsed.notes)) == (["AAPL", "B"], [], bool(notes))


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [("2016-06-30", "06/30/2016", "session"), ("94.44", "n/a", "open"), ("35836300", "35836300.5", "volume")],
)
def test_a_column_that_became_another_type_is_refused_by_name(old: str, new: str, column: str) -> None:
    lines = [GOOD.replace("AAPL", f"A{number}").replace(old, new) for number in range(25)]
    with pytest.raises(CorruptDropError, match=rf"column {column}: expected .*, found others in 25 of 25 lines.*{new}"):
        prices(*lines)


def test_a_few_wrong_values_are_a_matter_of_their_lines() -> None:
    lines = [
        GOOD.replace("AAPL", f"A{number}").replace("94.44", "n/a" if number < 10 else "94.44") for number in range(25)
    ]
    assert rules(prices(*lines)) == [(number, "not_a_number") for number in range(2, 12)]


def test_the_last_of_several_deliveries_in_one_file_counts() -> None:
    first, second = GOOD.replace("95.60", "95.61"), GOOD
    parsed = prices(first, second, first.replace("95.61", "95.62"), second, duplicates="last_wins")
    assert (parsed.rows["close"].to_list(), parsed.collapsed) == ([95.60], 1)
    assert rules(parsed) == [(2, "superseded"), (4, "superseded")]


def test_an_unusable_later_line_supersedes_nothing() -> None:
    parsed = prices(GOOD, GOOD.replace("95.77", "0.00"), duplicates="last_wins")
    assert (parsed.rows["close"].to_list(), rules(parsed)) == ([95.60], [(3, "price_positive")])


def test_a_file_named_in_the_vendors_way_names_its_session() -> None:
    assert example("vendor_bars").session_of("vendor/eod/bars_2016-06-30.txt.zst") == date(2016, 6, 30)
    assert example("parquet_bars").session_of("lake/bars/dt=2016-06-30/part-0003.parquet") == date(2016, 6, 30)


def test_bars_without_a_date_are_of_the_session_of_their_key() -> None:
    columns = example("vendor_bars").model_dump()["columns"]
    del columns["TradeDate"]
    source = example("vendor_bars", columns=columns, format={"type": "csv", "delimiter": ";", "compression": "none"})
    parsed = parse_as(source, b"Ticker;PxOpen;PxHigh;PxLow;PxLast;Shares\nGOOG;10.00;11.00;9.50;10.30;3000\n")
    assert parsed.rows["session"].to_list() == [DAY]
    assert rules_of(source).quarantining()
