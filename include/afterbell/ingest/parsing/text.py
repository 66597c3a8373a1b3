"""Drops that are lines of text: the header is matched, then the lines are read by name. Pure."""

from __future__ import annotations

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.decode import Text, decode, frame_of
from afterbell.ingest.parsing.fields import rule_of, words_of
from afterbell.ingest.parsing.header import is_reordered, read_header, split_names
from afterbell.ingest.parsing.quick import read_quickly
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.sift import ASIDE
from afterbell.ingest.parsing.strict import Fields, read_strictly
from afterbell.sources.source import Source

_BLOCK = 32 * 1024 * 1024
_MANY = 20
"""From this many lines on, a column in which most of them have something else is a column of another type."""


def read_text(source: Source, key: str, body: bytes) -> ParsedRows:
    """Read a drop of lines.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header, types.
    """
    text = decode(source, key, body)
    return read_lines(key, *read_header(source, key, text))


def read_lines(key: str, fields: Fields, text: Text, extra: list[str]) -> ParsedRows:
    """Read the lines after the header of a drop, or a part of them.

    Args:
        key: the drop's name, for messages.
        fields: what the lines consist of.
        text: the lines.
        extra: columns that the source doesn't declare and allows.

    Raises:
        CorruptDropError: there are too many, or a column is of another type.
    """
    source = fields.source
    frames, asides, total = [], [], 0
    for block in text.blocks(_BLOCK):
        quick = read_quickly(fields, block)
        frames.append(quick.rows)
        total += quick.rows.height + len(quick.odd)
        if quick.odd:
            odd = frame_of(block, quick.odd)
            check_one_layout(fields, key, odd)
            rows, aside = read_strictly(fields, odd)
            frames.append(rows)
            asides.append(aside)
        if total > source.limits.rows:
            raise CorruptDropError(f"drop {key}: the limit of source {source.name} is {source.limits.rows} lines")
    frame = pl.concat(frames) if frames else fields.schema.to_frame()
    if asides:
        frame = frame.sort("line")
    aside = pl.concat(asides) if asides else ASIDE.to_frame()
    check_types(source, key, aside, total)
    return ParsedRows(frame, aside, total, text.lines, notes_on(source, extra))


def check_one_layout(fields: Fields, key: str, lines: pl.DataFrame) -> None:
    """Refuse a drop that names its columns again in another order: what follows would be read by the wrong names."""
    for name in fields.names:
        lines = lines.filter(pl.col("raw").str.to_lowercase().str.contains(name.lower(), literal=True))
    for number, raw in lines.iter_rows():
        names = split_names(fields.source, raw)
        if is_reordered(fields.names, names):
            raise CorruptDropError(
                f"drop {key}: line {number} names the columns in another order: expected "
                f"{fields.source.format.delimiter.join(fields.names)!r} for the whole drop, found {raw[:120]!r}; "
                "ask for each delivery in an object of its own"
            )


def notes_on(source: Source, extra: list[str]) -> tuple[str, ...]:
    """Notes about columns that the source doesn't declare and allows."""
    if not extra or source.format.extra_columns != "warn":
        return ()
    return (f"columns that source {source.name} doesn't declare were passed over: {', '.join(extra)[:200]}",)


def check_types(source: Source, key: str, aside: pl.DataFrame, total: int) -> None:
    """Refuse a drop with a column in which most lines have something else: the vendor has changed the column itself."""
    if total < _MANY or aside.height * 2 <= total:
        return
    for column in source.columns.values():
        prefix = f"column {column.name}: expected"
        wrong = aside.filter(pl.col("rule") == rule_of(column), pl.col("reason").str.starts_with(prefix))
        if wrong.height * 2 > total:
            raise CorruptDropError(
                f"drop {key}: column {column.name}: expected {words_of(column, source.time_zone)}, found others "
                f"in {wrong.height} of {total} lines, such as line {wrong['line'][0]}: {wrong['reason'][0]}"
            )
