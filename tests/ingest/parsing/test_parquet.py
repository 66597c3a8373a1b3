"""Parquet drops: columns by name and type, values that are none, limits, and what is not Parquet."""

from __future__ import annotations

import io
import random
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing import judge
from tests.ingest.drops import DAY, parse_as, rules
from tests.ingest.shapes import example

SOURCE = example("parquet_bars")
ROWS: dict[str, list[object]] = {
    "sym": ["AAPL", "MSFT"],
    "day": [DAY, DAY],
    "o": [94.44, 50.72],
    "h": [95.77, 51.30],
    "l": [94.30, 50.50],
    "c": [95.60, 51.17],
    "v": [35836300, 28527800],
}


def packed(table: pa.Table, **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def table(**columns: list[object] | pa.Array) -> pa.Table:
    return pa.table(ROWS | columns)


def test_a_clean_drop_comes_out_typed_under_our_names() -> None:
    parsed = parse_as(SOURCE, packed(table()))
    assert parsed.rows.columns == ["symbol", "session", "open", "high", "low", "close", "volume"]
    assert parsed.rows.rows()[0] == ("AAPL", DAY, 94.44, 95.77, 94.30, 95.60, 35836300)
    assert (parsed.lines, parsed.collapsed, parsed.rejected.height) == (2, 0, 0)


@pytest.mark.parametrize("options", [{"compression": "zstd"}, {"compression": "gzip"}, {"use_dictionary": False}])
def test_any_encoding_inside_reads_alike(options: dict[str, object]) -> None:
    assert parse_as(SOURCE, packed(table(), row_group_size=1, **options)).rows["symbol"].to_list() == ["AAPL", "MSFT"]


def test_columns_are_read_by_name_and_others_passed_over() -> None:
    odd = table(vwap=[1.0, 2.0]).select(["vwap", "v", "c", "l", "h", "o", "day", "sym"])
    assert parse_as(SOURCE, packed(odd)).rows.row(1) == ("MSFT", DAY, 50.72, 51.30, 50.50, 51.17, 28527800)


def test_narrower_numbers_and_dictionaries_fit() -> None:
    narrow = table(
        v=pa.array([7, 8], pa.int32()), o=pa.array([94.5, 51.0], pa.float32()), c=pa.array([95, 51], pa.int64()),
        sym=pa.array(["AAPL", "MSFT"]).dictionary_encode(),
    )  # fmt: skip
    rows = parse_as(SOURCE, packed(narrow)).rows
    assert rows.row(0) == ("AAPL", DAY, 94.5, 95.77, 94.30, 95.0, 7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": "c"}, "missing: c;"),
        ({"v": [1.0, 2.0]}, "column v: expected an integer of at most 64 bits, found double"),
        ({"v": pa.array([1, 2], pa.uint64())}, "column v: expected an integer .* found uint64"),
        ({"o": ["94.44", "50.72"]}, "column o: expected a number, found string"),
        ({"day": ["2016-06-30"] * 2}, "column day: expected date32, found string"),
        ({"day": [datetime(2016, 6, 30)] * 2}, "column day: expected date32, found timestamp"),  # noqa: DTZ001
        ({"sym": [1, 2]}, "column sym: expected text, found int64"),
    ],
)
def test_a_missing_or_otherwise_typed_column_is_named(change: dict[str, object], message: str) -> None:
    wrong = table().drop_columns([change["drop"]]) if "drop" in change else table(**change)
    with pytest.raises(CorruptDropError, match=message) as caught:
        parse_as(SOURCE, packed(wrong))
    assert "20160630" in str(caught.value)


def test_a_column_more_is_refused_where_the_source_says_so() -> None:
    with pytest.raises(CorruptDropError, match="not declared: vwap"):
        parse_as(example("parquet_bars", format={"type": "parquet"}), packed(table(vwap=[1.0, 2.0])))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("o", float("nan"), "not_a_number"),
        ("h", float("inf"), "not_a_number"),
        ("c", None, "complete"),
        ("c", 0.0, "price_positive"),
        ("v", -1, "volume_in_range"),
        ("h", 1.0, "high_not_below_low"),
        ("sym", "МSFT", "symbol_pattern"),  # noqa: RUF001 - Cyrillic
        ("sym", "../MSFT", "symbol_pattern"),
        ("sym", "MS\x00FT", "control_character"),
        ("sym", "M" * 5000, "line_too_long"),
        ("sym", "  ", "complete"),
        ("day", date(2016, 6, 29), "session_not_carried"),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside(column: str, value: object, rule: str) -> None:
    parsed = parse_as(SOURCE, packed(table(**{column: [ROWS[column][0], value]})))
    assert rules(parsed) == [(2, rule)]
    assert parsed.rows["symbol"].to_list() == ["AAPL"]
    assert parsed.rejected["raw"][0].startswith('{"sym": ')


def test_equal_rows_collapse_and_different_ones_are_set_aside() -> None:
    twice = pa.concat_tables([table(), table()])
    assert (parse_as(SOURCE, packed(twice)).rows.height, parse_as(SOURCE, packed(twice)).collapsed) == (2, 2)
    other = pa.concat_tables([table(), table(v=[1, 28527800])])
    assert rules(parse_as(SOURCE, packed(other))) == [(1, "one_row_per_drop"), (3, "one_row_per_drop")]


@pytest.mark.parametrize("data", [b"", packed(table().slice(0, 0))])
def test_a_drop_without_rows_is_empty(data: bytes) -> None:
    assert parse_as(SOURCE, data).empty


@pytest.mark.parametrize(
    "harm",
    [
        lambda _: b"<html>503 Slow Down</html>",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:40] + b"\xff" * 60 + data[100:],
        lambda _: b"PAR1" + b"\x00" * 20 + b"PAR1",
    ],
)
def test_what_is_not_sound_parquet_is_refused_by_name(harm: object) -> None:
    with pytest.raises(CorruptDropError, match="expected Parquet, and could not read it") as caught:
        parse_as(SOURCE, harm(packed(table(), compression="zstd")))  # type: ignore[operator]
    assert "20160630" in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"rows": 1}, "has 2 rows, the limit of source parquet_bars is 1"),
        ({"uncompressed_bytes": 100}, "bytes uncompressed, more than 100"),
        ({"compressed_bytes": 100}, "the limit of source parquet_bars is 100"),
    ],
)
def test_a_drop_over_a_limit_is_refused(limits: dict[str, int], message: str) -> None:
    with pytest.raises(CorruptDropError, match=message):
        parse_as(example("parquet_bars", limits=limits), packed(table()))


def test_few_bytes_that_stand_for_many_are_refused() -> None:
    many = pa.table({name: pa.array([values[0]] * 90_000) for name, values in ROWS.items()})
    assert len(packed(many)) < 20_000
    with pytest.raises(CorruptDropError, match=r"limit of parquet_bars|decompresses to"):
        parse_as(example("parquet_bars", limits={"uncompressed_bytes": 1_000_000}), packed(many))


def test_flipped_bytes_never_make_anything_but_a_refusal_or_other_rows() -> None:
    dice = random.Random(5)
    sound = packed(table(), compression="none", use_dictionary=False)
    refused = 0
    for _ in range(150):
        harmed = bytearray(sound)
        harmed[dice.randrange(len(harmed))] = dice.randrange(256)
        try:
            parse_as(SOURCE, bytes(harmed))
        except CorruptDropError:
            refused += 1
    assert refused > 50


def test_text_that_is_not_utf8_and_days_that_no_calendar_has() -> None:
    text = pa.array([b"AAPL", b"\xff\xfe"], pa.binary()).view(pa.string())
    with pytest.raises(CorruptDropError, match="expected Parquet"):
        parse_as(SOURCE, packed(table(sym=text)))
    far = pa.array([16982, 2_000_000_000], pa.int32()).view(pa.date32())
    assert rules(parse_as(SOURCE, packed(table(day=far)))) == [(2, "not_date")]


@pytest.mark.parametrize(
    "kind",
    [pa.decimal256(50, 18), pa.decimal256(76, 30), pa.decimal256(39, 2), pa.decimal128(38, 18), pa.decimal64(18, 2)],
    ids=str,
)
def test_a_decimal_of_any_width_is_read_as_the_nearest_number(kind: pa.DataType) -> None:
    prices = pa.array([Decimal("95.60"), Decimal("51.17")]).cast(kind)
    assert parse_as(SOURCE, packed(table(c=prices))).rows["close"].to_list() == [95.60, 51.17]


def test_a_decimal_that_no_price_can_be_is_set_aside_with_its_text() -> None:
    wide = pa.array([Decimal("95.60"), Decimal(10) ** 31], pa.decimal256(50, 18))
    parsed = parse_as(SOURCE, packed(table(h=wide)))
    assert rules(parsed) == [(2, "price_positive")]
    assert '"h": "10000000000000000000000000000000.000000000000000000"' in parsed.rejected["raw"][0]


def test_a_panic_of_a_library_refuses_the_drop_and_names_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    # Polars panics over a decimal wider than 38 digits; no type that gets so far is known to make it panic today.
    wide = pa.array([Decimal("95.60"), Decimal("51.17")], pa.decimal256(50, 18))
    monkeypatch.setattr(pa.types, "is_decimal256", lambda _: False)
    with pytest.raises(CorruptDropError, match=r"column c: expected a finite number .* found decimal256\(50, 18\)"):
        parse_as(SOURCE, packed(table(c=wide)))


def test_a_panic_over_the_rows_refuses_the_drop_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object) -> None:
        pl.Series(pa.array([Decimal(1)], pa.decimal256(50, 18)))

    monkeypatch.setattr(judge, "collapse", panic)
    with pytest.raises(CorruptDropError, match=r"drop .*20160630.*: expected parquet .*PanicException"):
        parse_as(SOURCE, packed(table()))
