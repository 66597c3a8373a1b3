"""Reading lines one by one: the reference of what a line means, and the way for every line that is odd. Pure.

Lines are split here, not by a CSV reader, so that none can hide a line with too few or too many fields, join lines
across a stray quote, or turn "N/A" into an empty value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from afterbell.ingest.parsing.fields import DTYPES, rule_of, typed, words_of
from afterbell.ingest.parsing.sift import ASIDE, Check, sift
from afterbell.sources.column import Column
from afterbell.sources.source import Source

_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f]"


@dataclass(frozen=True)
class Fields:
    """The fields of the lines of one drop.

    Attributes:
        source: whose they are.
        header: the header line; None where the drop has no header.
        names: the vendor's name of each field, in their order.
        day: that the drop's key names; None where it names none.
    """

    source: Source
    header: str | None
    names: tuple[str, ...]
    day: date | None = None

    @property
    def columns(self) -> list[Column | None]:
        """The column of each field; None where the source doesn't declare it."""
        return [self.source.columns.get(name) for name in self.names]

    @property
    def schema(self) -> pl.Schema:
        """Of the rows: ``line``, and the source's columns in its order."""
        ours = {column.name: DTYPES[column.type] for column in self.source.columns.values()}
        return pl.Schema({"line": pl.Int64(), **ours})


def read_strictly(fields: Fields, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read lines.

    Args:
        fields: what they consist of.
        lines: ``line`` (Int64) and ``raw`` (String).

    Returns:
        Rows, as ``fields.schema``, and the lines that aren't rows, as ``ASIDE``.
    """
    if lines.is_empty():
        return fields.schema.to_frame(), ASIDE.to_frame()
    lines, unreadable = sift(lines, _line_checks(fields))
    frame = _typed(fields, lines)
    rows, mistyped = sift(frame, type_checks(fields.source))
    return rows.select(list(fields.schema)), pl.concat([unreadable, mistyped])


def _line_checks(fields: Fields) -> list[Check]:
    raw, limit, count = pl.col("raw"), fields.source.limits.line_bytes, len(fields.names)
    separators = raw.str.count_matches(fields.source.format.delimiter, literal=True)
    checks = [
        Check(
            "line_too_long",
            raw.str.len_bytes() > limit,
            pl.format("expected at most {} bytes, found {}", pl.lit(limit), raw.str.len_bytes()),
        ),
        Check("control_character", raw.str.contains(_CONTROL), pl.lit("expected text without control characters")),
        Check(
            "field_count",
            separators != count - 1,
            pl.format("expected {} fields, found {}", pl.lit(count), separators + 1),
        ),
    ]
    if fields.header is not None:
        repeated = Check("repeated_header", raw == fields.header, pl.lit("the header line again, inside the body"))
        checks.insert(0, repeated)
    return checks


def _typed(fields: Fields, lines: pl.DataFrame) -> pl.DataFrame:
    """Split lines that have the right number of fields, and give each field its column's type."""
    texts = [f"_text_{column.name}" if column else f"_extra_{place}" for place, column in enumerate(fields.columns)]
    split = pl.col("raw").str.split_exact(fields.source.format.delimiter, len(texts) - 1)
    frame = lines.select("line", split.struct.rename_fields(texts).alias("_fields")).unnest("_fields")
    frame = frame.with_columns(pl.col(name).str.strip_chars(" ") for name in texts if name.startswith("_text_"))
    zone = fields.source.time_zone
    return frame.with_columns(
        typed(column, frame[f"_text_{column.name}"], zone, fields.day).alias(column.name)
        for column in fields.columns
        if column
    )


def type_checks(source: Source) -> list[Check]:
    """One check a column that isn't text: a field that has text but no value fails.

    The frame has the typed columns under their names and the text under ``_text_<name>``.
    """
    return [
        Check(
            rule=rule_of(column),
            bad=pl.col(column.name).is_null() & (pl.col(f"_text_{column.name}") != ""),
            reason=pl.format(
                "column {}: expected {}, found '{}'",
                pl.lit(column.name),
                pl.lit(words_of(column, source.time_zone)),
                pl.col(f"_text_{column.name}").str.slice(0, 60),
            ),
        )
        for column in source.columns.values()
        if column.type != "string"
    ]
