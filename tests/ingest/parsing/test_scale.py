"""Scaled numbers: to the last bit what the product, written out in decimal, is read as."""

from __future__ import annotations

import gzip
import io
import random
from decimal import Decimal, localcontext

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterbell.ingest.parsing.fields import typed
from afterbell.ingest.parsing.parse import ParsedDrop
from afterbell.sources.column import Column
from afterbell.sources.source import Source
from tests.ingest.drops import HEADER, parse_as, rules
from tests.ingest.shapes import example

PRICES = ("open", "high", "low", "close")


def written_out(text: str, scale: str) -> float:
    """The double nearest to the product, by the decimal arithmetic of Python's library."""
    with localcontext() as context:
        context.prec = 400
        return float(Decimal(text) * Decimal(scale))


def read(lines: list[str], scale: str) -> ParsedDrop:
    return parse_as(scaled(scale), gzip.compress("\n".join([HEADER.removesuffix(",adj_close"), *lines]).encode()))


def scaled(scale: str, **layout: str) -> Source:
    source = example("vendor_bars").model_dump()
    columns = {"symbol": {"name": "symbol", "type": "string"}, "date": {"name": "session", "type": "date"}}
    columns |= {name: {"name": name, "type": "double", "scale": scale} for name in PRICES}
    columns |= {"volume": {"name": "volume", "type": "bigint"}}
    given = layout or {"type": "csv", "delimiter": ",", "compression": "gzip"}
    return type(example("vendor_bars")).model_validate(source | {"columns": columns, "format": given})


def bar(number: int, price: str, date: str = "2016-06-30") -> str:
    symbol = f"{chr(65 + number // 676 % 26)}{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}"
    return f"{symbol},{date},{price},{price},{price},{price},100"


@pytest.mark.parametrize("scale", ["0.0001", "0.01", "0.001", "0.000001", "0.05", "0.125", "12.5", "100"])
@pytest.mark.parametrize("places", [0, 3])
def test_every_product_is_the_nearest_double(scale: str, places: int) -> None:
    numbers = random.Random(f"{scale}:{places}")
    most = 10**7 if Decimal(scale) < 1 else 10**4  # the rules refuse prices above ten million
    texts = [f"{numbers.randrange(1, most)}" + (f".{numbers.randrange(10**places):0{places}d}" if places else "")
             for _ in range(3_000)]  # fmt: skip
    parsed = read([bar(number, text) for number, text in enumerate(texts)], scale)
    assert parsed.rows["close"].to_list() == [written_out(text, scale) for text in texts]
    assert parsed.rejected.is_empty()


def test_a_price_in_ten_thousandths_has_no_crumbs() -> None:
    parsed = read([bar(0, "4842000"), bar(1, "4855000"), bar(2, "4780000")], "0.0001")
    assert [repr(close) for close in parsed.rows["close"].to_list()] == ["484.2", "485.5", "478.0"]


@pytest.mark.parametrize("text", ["9007199254740993", "12345678901234567890123", "0004780000", "4780000.00000000001"])
def test_numbers_beyond_what_doubles_count_are_exact_too(text: str) -> None:
    source = read([bar(0, "1"), bar(1, text)], "0.000000001")
    found = [*source.rows["close"].to_list(), *source.rejected["rule"].to_list()]
    assert found[1] in {written_out(text, "0.000000001"), "price_positive"}


@pytest.mark.parametrize("text", ["1e6", "4,78", "+478", ".5", "5.", "NaN", "inf", "0x10"])
def test_what_is_no_number_is_none_with_a_scale_too(text: str) -> None:
    parsed = read([bar(0, "4780000"), f"BAD,2016-06-30,1,{text},1,1,100"], "0.0001")
    assert parsed.rows.height == 1
    assert [rule for _, rule in rules(parsed)] in (["not_a_number"], ["field_count"])


def test_an_empty_number_stays_empty_with_a_scale() -> None:
    parsed = read([bar(0, "4780000"), "BAD,2016-06-30,1,,1,1,100"], "0.0001")
    assert rules(parsed) == [(3, "complete")]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([4842000, 4855000], pa.int64()),
        pa.array([4842000.0, 4855000.0], pa.float64()),
        pa.array([Decimal("4842000.00"), Decimal("4855000.00")], pa.decimal128(20, 2)),
        pa.array([Decimal("4842000.00"), Decimal("4855000.00")], pa.decimal256(50, 2)),
    ],
)
def test_a_scale_holds_for_parquet_of_any_number(values: pa.Array) -> None:
    table = pa.table(
        {"symbol": ["A", "B"], "date": pl.Series(["2016-06-30"] * 2).str.to_date().to_arrow()}
        | dict.fromkeys(PRICES, values) | {"volume": [1, 1]}
    )  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    parsed = parse_as(scaled("0.0001", type="parquet"), buffer.getvalue())
    assert [repr(close) for close in parsed.rows["close"].to_list()] == ["484.2", "485.5"]


@pytest.mark.parametrize(
    ("text", "volume"),
    [("12", 12_000), ("12.5", 12_500), ("0", 0), ("9007199254740.993", 9_007_199_254_740_993), ("12.0005", None),
     ("9223372036854776", None), ("1e3", None)],
)  # fmt: skip
def test_shares_in_thousands_are_whole_shares(text: str, volume: int | None) -> None:
    column = Column.model_validate({"name": "volume", "type": "bigint", "scale": 1000})
    assert typed(column, pl.Series([text]), "UTC").to_list() == [volume]


def test_shares_in_thousands_are_read_from_lines_and_parquet() -> None:
    source = scaled("1")
    columns = source.model_dump()["columns"]
    columns["volume"]["scale"] = 1000
    lines = ["symbol,date,open,high,low,close,volume", "AAA,2016-06-30,2,3,1,2,12.5", "BBB,2016-06-30,2,3,1,2,7"]
    parsed = parse_as(source, gzip.compress("\n".join(lines).encode()), columns=columns)
    assert parsed.rows["volume"].to_list() == [12_500, 7_000]
    table = {
        "symbol": ["A"],
        "date": pl.Series(["2016-06-30"]).str.to_date().to_arrow(),
        **{name: [2.0] for name in PRICES},
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(table | {"volume": [7]}), buffer)
    parsed = parse_as(source, buffer.getvalue(), columns=columns, format={"type": "parquet"})
    assert parsed.rows["volume"].to_list() == [7_000]
