"""From the columns of a Parquet drop to values of the source's types. Pure."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import polars as pl
import pyarrow as pa

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.faults import READ_FAULTS, first_line
from afterbell.ingest.parsing.fields import DTYPES, rule_of, typed, words_of
from afterbell.ingest.parsing.instants import BAR
from afterbell.ingest.parsing.scale import scale_doubles, scale_text
from afterbell.ingest.parsing.sift import RAW_KEPT, Check
from afterbell.sources.column import Column
from afterbell.sources.source import Source

_FIRST_DAY, _LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
_DAY_US = 24 * 60 * 60 * 1_000_000
_CONTROL = r"[\x00-\x08\x0a-\x1f\x7f]"


def typed_columns(source: Source, key: str, table: pa.Table) -> tuple[pl.DataFrame, list[Check]]:
    """The columns of a drop with our names and types.

    Args:
        source: what the drop should be.
        key: the drop's name, for messages.
        table: the declared columns, of types that fit.

    Returns:
        ``line`` (Int64, from 1), our columns, NULL where a value isn't one of the column's type, and the checks that
        such values fail.

    Raises:
        CorruptDropError: a column holds values that can't be read; the message names it.
    """
    made: list[pl.Series] = [pl.int_range(1, table.num_rows + 1, eager=True, dtype=pl.Int64).alias("line")]
    checks: list[Check] = []
    day = source.session_of(key)
    for name, column in source.columns.items():
        given = table.column(name)
        try:
            series, failing = (
                _text(source, column, given) if column.type == "string" else _values(source, name, given, day)
            )
        except READ_FAULTS as error:
            raise CorruptDropError(
                f"drop {key}: column {name}: expected {_sense(source, column)} in each row, found {given.type} with "
                f"values that cannot be read ({first_line(error)}); ask for the drop again with a type that fits"
            ) from error
        made += series
        checks += failing
    return pl.DataFrame(made), checks


def raw_rows(source: Source, table: pa.Table, lines: list[int]) -> list[str]:
    """Rows as JSON of texts, under the vendor's names, at most ``RAW_KEPT`` characters each."""
    columns = {name: table.column(name).take(pa.array([line - 1 for line in lines])) for name in source.columns}
    texts = {
        name: (values if source.columns[name].type == "string" else _as_text(values)).to_pylist()
        for name, values in columns.items()
    }
    return [json.dumps({name: texts[name][place] for name in texts})[:RAW_KEPT] for place in range(len(lines))]


def _as_text(given: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(given.type) and given.type.tz is not None:
        # The zone is only for display, and may be unknown to the libraries: the values are instants.
        given = given.cast(pa.timestamp(given.type.unit, "UTC"))
    return given.cast(pa.string())


def _text(source: Source, column: Column, given: pa.ChunkedArray) -> tuple[list[pl.Series], list[Check]]:
    text = pl.Series(column.name, given).cast(pl.String)
    checks = _text_checks(source, column.name, text)
    text = text.str.strip_chars(" ")
    return [text.set(text == "", None)], checks


def _text_checks(source: Source, name: str, text: pl.Series) -> list[Check]:
    limit, checks = source.limits.line_bytes, []
    long = text.str.len_bytes() > limit
    if long.any():
        reason = pl.format("expected at most {} bytes in column {}, found more", pl.lit(limit), pl.lit(name))
        checks.append(Check("line_too_long", pl.lit(long), reason))
    control = text.str.contains(_CONTROL)
    if control.any():
        reason = pl.lit(f"expected text without control characters in column {name}")
        checks.append(Check("control_character", pl.lit(control), reason))
    return checks


def _values(source: Source, name: str, given: pa.ChunkedArray, day: date | None) -> tuple[list[pl.Series], list[Check]]:
    column = source.columns[name]
    values = _as_type(source, column, given, day)
    lost = values.is_null() & pl.Series(given.is_valid())
    if not lost.any():
        return [values], []
    words = pl.lit(f"column {column.name}: expected {_sense(source, column)}")
    reason = pl.format("{}, found '{}'", words, pl.col(f"_found_{name}"))
    beside = [lost.alias(f"_lost_{name}"), pl.Series(f"_found_{name}", _as_text(given))]
    return [values, *beside], [Check(rule_of(column), pl.col(f"_lost_{name}"), reason)]


def _as_type(source: Source, column: Column, given: pa.ChunkedArray, day: date | None) -> pl.Series:
    """The values as the column's type; NULL where they have none."""
    counted = column.counts or (column.type == "timestamp" and column.format)
    if counted or (column.type == "bigint" and column.scale):  # as a drop of lines writes them
        text = pl.Series(column.name, given.cast(pa.string()), pl.String)
        return typed(column, text, source.time_zone, day).alias(column.name)
    match column.type:
        case "double":
            return _numbers(column, given)
        case "timestamp":
            return _instants(source, column, given)
        case "date":
            days = pl.Series(column.name, given)
            number = days.to_physical()
            return days.set((number < _FIRST_DAY) | (number > _LAST_DAY), None)
        case _:
            return pl.Series(column.name, given).cast(DTYPES[column.type])


def _numbers(column: Column, given: pa.ChunkedArray) -> pl.Series:
    if column.scale is not None:
        return _scaled(column, column.scale, given)
    if pa.types.is_decimal256(given.type):  # wider than Polars takes; as text, each becomes the nearest double
        given = given.cast(pa.string()).cast(pa.float64())
    values = pl.Series(column.name, given).cast(pl.Float64)
    return values.set(~values.is_finite(), None)


def _scaled(column: Column, scale: Decimal, given: pa.ChunkedArray) -> pl.Series:
    if pa.types.is_floating(given.type):
        values = pl.Series(column.name, given).cast(pl.Float64)
        values = scale_doubles(values.set(~values.is_finite(), None), scale)
    else:
        values = scale_text(pl.Series(column.name, given.cast(pa.string()), pl.String), scale)
    return values.set(~values.is_finite(), None).alias(column.name)


def _instants(source: Source, column: Column, given: pa.ChunkedArray) -> pl.Series:
    if given.type.tz is not None:
        # An instant, whatever the zone is called (+05:30, or one that Polars doesn't know).
        given = given.cast(pa.timestamp(given.type.unit, "UTC"))
    if given.type.unit != "ns":
        given = given.cast(pa.timestamp("us", given.type.tz))  # refuses what doesn't fit, where Polars wraps around
    times = pl.Series(column.name, given).dt.cast_time_unit("us")
    micros = times.to_physical()
    # The first and the last day are left out: in UTC a local time of theirs may lie in the year 0 or 10000.
    times = times.set((micros < (_FIRST_DAY + 1) * _DAY_US) | (micros >= _LAST_DAY * _DAY_US), None)
    if column.label == "end":
        times = times - BAR
    if column.zone == "source":
        times = times.dt.replace_time_zone(source.time_zone, ambiguous="null", non_existent="null")
    return times.dt.convert_time_zone("UTC")


def _sense(source: Source, column: Column) -> str:
    return "a finite number" if column.type == "double" else words_of(column, source.time_zone)
