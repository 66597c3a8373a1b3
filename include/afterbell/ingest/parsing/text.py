"""Drops that are lines of text: the header is matched, then the lines are read by name. Pure."""

from __future__ import annotations

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.decode import Text, decode, frame_of
from afterbell.ingest.parsing.fields import rule_of, words_of
from afterbell.ingest.parsing.quick import read_quickly
from afterbell.ingest.parsing.rows import Rows
from afterbell.ingest.parsing.sift import ASIDE
from afterbell.ingest.parsing.strict import Fields, read_strictly
from afterbell.ingest.sources.source import Source

_BLOCK = 32 * 1024 * 1024
_MANY = 20
"""From so many lines on, a column that most of them have something else in is a column of another type."""


def read_text(source: Source, key: str, body: bytes) -> Rows:
    """Read a drop of lines.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header, types.
    """
    text = decode(source, key, body)
    fields, text, notes = _header(source, key, text)
    frames, asides, total = [], [], 0
    for block in text.blocks(_BLOCK):
        quick = read_quickly(fields, block)
        frames.append(quick.rows)
        total += quick.rows.height + len(quick.odd)
        if quick.odd:
            rows, aside = read_strictly(fields, frame_of(block, quick.odd))
            frames.append(rows)
            asides.append(aside)
        if total > source.limits.rows:
            raise CorruptDropError(f"drop {key}: the limit of source {source.name} is {source.limits.rows} lines")
    frame = pl.concat(frames) if frames else fields.schema.to_frame()
    if asides:
        frame = frame.sort("line")
    aside = pl.concat(asides) if asides else ASIDE.to_frame()
    _check_types(source, key, aside, total)
    return Rows(frame, aside, total, text.lines, notes)


def _header(source: Source, key: str, text: Text) -> tuple[Fields, Text, tuple[str, ...]]:
    """What the lines consist of, by the header if there is one, and the lines after it."""
    declared = tuple(source.columns)
    delimiter = source.format.delimiter
    without = Fields(source, None, declared), text, ()
    if source.format.header == "none" or not text.data:
        return without
    end = text.data.index(b"\n")
    first = text.data[:end].decode().removesuffix("\r")
    found = tuple(name.strip() for name in first.split(delimiter))
    if source.format.header == "optional" and not set(found) & set(declared):
        if len(found) == len(declared):
            return without
        raise CorruptDropError(
            f"drop {key}: expected the header {delimiter.join(declared)!r} or {len(declared)} fields, "
            f"found {first[:120]!r} in line 1"
        )
    missing = [name for name in declared if name not in found]
    extra = [name for name in found if name not in declared]
    repeated = sorted({name for name in found if found.count(name) > 1})
    if missing or repeated or (extra and source.format.extra_columns == "refuse"):
        raise CorruptDropError(
            f"drop {key}: expected the header {delimiter.join(declared)!r}, found {first[:120]!r} "
            f"(missing: {', '.join(missing) or 'none'}; not declared: {', '.join(extra)[:120] or 'none'}; "
            f"repeated: {', '.join(repeated)[:120] or 'none'})"
        )
    return Fields(source, first, found), Text(text.data, 2, end + 1), notes_on(source, extra)


def notes_on(source: Source, extra: list[str]) -> tuple[str, ...]:
    """What to say of columns that the source doesn't declare and allows."""
    if not extra or source.format.extra_columns != "warn":
        return ()
    return (f"columns that source {source.name} doesn't declare were passed over: {', '.join(extra)[:200]}",)


def _check_types(source: Source, key: str, aside: pl.DataFrame, total: int) -> None:
    """A column that most lines have something else in was changed by the vendor: that is no matter of single lines."""
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
