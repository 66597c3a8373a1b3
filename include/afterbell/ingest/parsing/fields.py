"""Strict typing of text: what isn't plainly of its type has no value, and is never guessed. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from afterbell.ingest.sources.layout import Column, ColumnType

_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
_WHOLE = r"^-?[0-9]+$"
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?", flags=re.ASCII
)
_PART_OF_A_DAY = {"%Y": r"(?P<Y>\d{4})", "%m": r"(?P<m>\d{2})", "%d": r"(?P<d>\d{2})"}
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
_FEW = 4
NUMBERS = frozenset({"double", "bigint", "int"})


def rule_of(column: Column) -> str:
    """The rule that a text breaks which isn't plainly of the column's type."""
    return "not_a_number" if column.type in NUMBERS else f"not_{column.type}"


def words_of(column: Column, zone: str) -> str:
    """What the column's text should have been."""
    if column.type == "date":
        return f"a date such as {date(2016, 6, 30).strftime(column.format)}"
    if column.type == "timestamp" and column.zone == "offset":
        return "a time with its offset from UTC such as 2016-06-30T09:30:00-04:00"
    if column.type == "timestamp":
        return f"a local time of {zone} that exists once, such as 2016-06-30 09:30:00"
    return _WORDS[column.type]


def typed(column: Column, text: pl.Series, zone: str) -> pl.Series:
    """Text as the column's type.

    Args:
        column: which.
        text: String, stripped of spaces.
        zone: of the source, in which a timestamp without an offset is meant.

    Returns:
        One value a text: ``DTYPES[column.type]``, NULL where the text is empty or isn't plainly of that type.
    """
    if column.type == "string":
        return pl.select(pl.when(text != "").then(text)).to_series()
    if column.type in NUMBERS:
        return _numbers(text, column.type)
    # Dates, times and booleans repeat: each distinct text is read once.
    distinct = text.unique().to_list()
    values = [None if word is None else _value(column, word, zone) for word in distinct]
    kind = DTYPES[column.type]
    if 0 < len(distinct) <= _FEW and column.type == "date" and None not in values:
        return _chosen(text, distinct, pl.Series(values, dtype=kind))
    return text.replace_strict(distinct, pl.Series(values, dtype=kind), default=None, return_dtype=kind)


def _chosen(text: pl.Series, distinct: list[str], values: pl.Series) -> pl.Series:
    """The same as a replacement by look-up, cheaper where there are a few days only."""
    days = values.to_physical().to_list()
    found = np.full(text.len(), days[0], np.int32)
    for word, day in zip(distinct[1:], days[1:], strict=True):
        found[(text == word).to_numpy()] = day
    return pl.Series(found).cast(pl.Date)


def _numbers(text: pl.Series, kind: ColumnType) -> pl.Series:
    if kind == "double":
        value = text.set(~text.str.contains(_NUMBER), None).cast(pl.Float64, strict=False)
        return value.set(value.is_infinite(), None)
    return text.set(~text.str.contains(_WHOLE), None).cast(DTYPES[kind], strict=False)


def _value(column: Column, word: str, zone: str) -> date | bool | None:
    match column.type:
        case "date":
            return _day(word, column.format)
        case "timestamp":
            return instant(word, zone if column.zone == "source" else None)
        case _:
            return _BOOLEANS.get(word)


def _day(word: str, layout: str) -> date | None:
    pattern = "".join(_PART_OF_A_DAY.get(part) or re.escape(part) for part in re.findall("%.|[^%]", layout))
    found = re.fullmatch(pattern, word, flags=re.ASCII)
    return None if found is None else _or_none(partial(date, int(found["Y"]), int(found["m"]), int(found["d"])))


def _or_none(make: partial[date]) -> date | None:
    try:
        return make()
    except ValueError:
        return None


def instant(word: str, zone: str | None) -> datetime | None:
    """The instant, in UTC, that ``word`` names.

    Args:
        word: such as ``2016-06-30 09:30:00`` or ``2016-06-30T09:30:00-04:00``.
        zone: whose local time it is, and then it has no offset; None where it must have one.

    Returns:
        None where it names none or one outside the years 1 to 9999 of UTC, and where a local time does not exist (the
        hour that daylight saving skips) or exists twice (the hour that it repeats).
    """
    found = _INSTANT.fullmatch(word)
    if found is None or (found[3] is None) != (zone is not None):
        return None
    try:
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ''}")
        return at.astimezone(UTC) if zone is None else _once(at.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError):  # no such day or minute, or none in UTC: the years 1 to 9999 end there
        return None


def _once(local: datetime) -> datetime | None:
    """The instant in UTC of a local time, if it exists once."""
    once = local.utcoffset() == local.replace(fold=1).utcoffset()
    # An hour that is skipped, or repeated, is read differently by either fold.
    return local.astimezone(UTC) if once else None
