"""Strict typing of text: what isn't plainly of its type has no value, and is never guessed. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from afterbell.ingest.parsing.instants import read_day, read_instant, written_time
from afterbell.ingest.parsing.scale import scale_text, scale_whole
from afterbell.sources.column import EPOCH, Column, ColumnType

_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
_WHOLE = r"^-?[0-9]+$"
_LIKE_A_NUMBER = re.compile(r"-?[0-9.]+")
_INSTANT_BEFORE = timedelta(microseconds=1)
_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}

DTYPES: dict[ColumnType, pl.DataType] = {
    "string": pl.String(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "double": pl.Float64(),
    "bigint": pl.Int64(),
    "int": pl.Int32(),
    "boolean": pl.Boolean(),
}
"""What a column of each type is in a frame; instants are UTC."""
_WORDS: dict[ColumnType, str] = {
    "string": "text",
    "double": "a plain decimal number such as 12.34",
    "bigint": "a whole number",
    "int": "a whole number below 2147483648",
    "boolean": "True or False",
}
_HALF_PAST_NINE = {"seconds": 34_200, "milliseconds": 34_200_000}
_FEW = 4
NUMBERS = frozenset({"double", "bigint", "int"})


def rule_of(column: Column) -> str:
    """The rule that a text breaks which isn't plainly of the column's type."""
    return "not_a_number" if column.type in NUMBERS else f"not_{column.type}"


def words_of(column: Column, zone: str) -> str:
    """A description of the text that the column expects."""
    if column.type == "date" and column.format in EPOCH:
        return f"{column.format.removeprefix('epoch_')} since 1970-01-01 UTC"
    if column.type == "date":
        return f"a date such as {date(2016, 6, 30).strftime(column.day_format)}"
    return _words_of_time(column, zone) if column.type == "timestamp" else _WORDS[column.type]


def _words_of_time(column: Column, zone: str) -> str:
    if column.of_the_day:
        return f"{column.format} since midnight of the key's day in {zone}, such as {_HALF_PAST_NINE[column.format]}"
    if column.format in EPOCH:
        return f"{column.format.removeprefix('epoch_')} since 1970-01-01 UTC"
    if column.format:
        example = datetime(2016, 6, 30, 9, 30, tzinfo=UTC).strftime(column.format)
        return f"a local time of {zone} that exists once, such as {example}"
    if column.zone == "offset":
        return "a time with its offset from UTC such as 2016-06-30T09:30:00-04:00"
    return f"a local time of {zone} that exists once, such as 2016-06-30 09:30:00"


def typed(column: Column, text: pl.Series, zone: str, day: date | None = None) -> pl.Series:
    """Text as the column's type.

    Args:
        column: which.
        text: String, stripped of spaces.
        zone: of the source, in which a timestamp without an offset is meant.
        day: that the key names, for times that count from its midnight.

    Returns:
        One value a text: ``DTYPES[column.type]``, NULL where the text is empty or isn't plainly of that type.
    """
    if column.type == "string":
        return pl.select(pl.when(text != "").then(text)).to_series()
    if column.type in NUMBERS:
        return _numbers(text, column)
    # Dates, times and booleans repeat: each distinct text is read once.
    distinct = text.unique().to_list()
    values = [None if word is None else _value(column, word, zone, day) for word in distinct]
    kind = DTYPES[column.type]
    if 0 < len(distinct) <= _FEW and column.type == "date" and None not in values:
        return _chosen(text, distinct, pl.Series(values, dtype=kind))
    return text.replace_strict(distinct, pl.Series(values, dtype=kind), default=None, return_dtype=kind)


def has_value(column: Column, word: str, zone: str, day: date | None = None) -> bool:
    """Whether one text has a value as ``typed`` reads it; it costs no query where it is no number."""
    if column.type == "string":
        return word != ""
    if column.type not in NUMBERS:
        return _value(column, word, zone, day) is not None
    return bool(_LIKE_A_NUMBER.fullmatch(word)) and typed(column, pl.Series([word]), zone, day)[0] is not None


def _chosen(text: pl.Series, distinct: list[str], values: pl.Series) -> pl.Series:
    """The same as a replacement by look-up, cheaper where there are a few days only."""
    days = values.to_physical().to_list()
    chosen = np.full(text.len(), days[0], np.int32)
    for word, day in zip(distinct[1:], days[1:], strict=True):
        chosen[(text == word).to_numpy()] = day
    return pl.Series(chosen).cast(pl.Date)


def _numbers(text: pl.Series, column: Column) -> pl.Series:
    if column.type == "double":
        plain = text.set(~text.str.contains(_NUMBER), None)
        if column.scale is not None:
            return scale_text(plain, column.scale)
        value = plain.cast(pl.Float64, strict=False)
        return value.set(value.is_infinite(), None)
    if column.scale is not None:
        return scale_whole(text.set(~text.str.contains(_NUMBER), None), column.scale)
    return text.set(~text.str.contains(_WHOLE), None).cast(DTYPES[column.type], strict=False)


def _value(column: Column, word: str, zone: str, day: date | None) -> date | bool | None:
    match column.type:
        case "date":
            return _day(column, word, zone)
        case "timestamp":
            return read_instant(column, word, zone, day)
        case _:
            return _BOOLEANS.get(word)


def _day(column: Column, word: str, zone: str) -> date | None:
    if column.format in EPOCH:
        return read_day(column, word, zone)
    local = written_time(word, column.day_format)
    if local is None:
        return None
    # A bar that ends at midnight is of the day before.
    return (local - _INSTANT_BEFORE if column.label == "end" and local > datetime.min else local).date()  # noqa: DTZ901
