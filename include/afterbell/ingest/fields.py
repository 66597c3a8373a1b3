"""Strict typing of text fields: what isn't plainly of its type is set aside, never guessed."""

from __future__ import annotations

import polars as pl

from afterbell.ingest.sift import Check
from afterbell.ingest.layout import Column, ColumnType

_NUMBER = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
_WHOLE = r"^-?[0-9]{1,19}$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_WORDS: dict[ColumnType, str] = {
    "string": "text",
    "date": "a date such as 2016-06-30",
    "double": "a plain decimal number such as 12.34",
    "bigint": "a whole number",
    "int": "a whole number below 2147483648",
    "boolean": "True or False",
}


def typed(column: Column, text: pl.Expr) -> pl.Expr:
    """The field ``text`` as the column's type; NULL where it is empty or isn't plainly of that type."""
    match column.type:
        case "double":
            return pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False)
        case "bigint" | "int":
            kind = pl.Int64 if column.type == "bigint" else pl.Int32
            return pl.when(text.str.contains(_WHOLE)).then(text).cast(kind, strict=False)
        case "date":
            return pl.when(text.str.contains(_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)
        case "boolean":
            return text.replace_strict(
                {"True": True, "true": True, "False": False, "false": False}, default=None, return_dtype=pl.Boolean
            )
        case "string":
            return text


def type_checks(columns: list[Column]) -> list[Check]:
    """One check a column that isn't text: a field that has text but no value fails.

    The frame has the typed columns under their names and the text under ``_text_<name>``.
    """
    return [
        Check(
            rule=f"not_{'a_number' if column.type in {'double', 'bigint', 'int'} else column.type}",
            bad=pl.col(column.name).is_null() & (pl.col(f"_text_{column.name}") != ""),
            reason=pl.format(
                "column {}: expected {}, found '{}'",
                pl.lit(column.name),
                pl.lit(_WORDS[column.type]),
                pl.col(f"_text_{column.name}").str.slice(0, 60),
            ),
        )
        for column in columns
        if column.type != "string"
    ]
