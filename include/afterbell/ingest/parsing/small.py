"""Many small drops of lines, read as if they were one: each query runs once for all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.decode import Text, frame_of
from afterbell.ingest.parsing.quick import read_quickly
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.sift import ASIDE
from afterbell.ingest.parsing.strict import Fields, read_strictly
from afterbell.ingest.parsing.text import check_one_layout, check_types, notes_on, read_lines

SMALL = 64 * 1024
"""Bytes of text up to which a drop is read with others: of larger ones the lines cost more than the queries."""


@dataclass(frozen=True)
class Lines:
    """A drop of lines, its header read.

    Attributes:
        key: its name, for messages.
        fields: what its lines consist of.
        text: its lines.
        extra: columns that the source doesn't declare and allows.
    """

    key: str
    fields: Fields
    text: Text
    extra: list[str]

    @property
    def small(self) -> bool:
        """Whether it is read with others."""
        # A time that counts from the midnight of the key's day needs the day.
        ofday = any(column.of_the_day for column in self.fields.source.columns.values())
        return 0 < len(self.text.data) - self.text.begin <= SMALL and not ofday

    def read(self) -> ParsedRows:
        """Its rows.

        Raises:
            CorruptDropError: there are too many, or a column is of another type.
        """
        return read_lines(self.key, self.fields, self.text, self.extra)


def read_small(drops: Sequence[Lines]) -> list[ParsedRows | CorruptDropError]:
    """The results or errors of ``Lines.read`` for several small drops of one source."""
    alike: dict[tuple[str | None, tuple[str, ...]], list[int]] = {}
    for place, drop in enumerate(drops):
        alike.setdefault((drop.fields.header, drop.fields.names), []).append(place)
    outcomes: dict[int, ParsedRows | CorruptDropError] = {}
    for places in alike.values():
        several = [drops[place] for place in places]
        outcomes |= zip(places, _read_alike(several), strict=True)
    return [outcomes[place] for place in range(len(drops))]


def _read_alike(drops: Sequence[Lines]) -> list[ParsedRows | CorruptDropError]:
    """Drops with the same columns in the same order."""
    if len(drops) == 1:
        return [_read_alone(drops[0])]
    fields = drops[0].fields
    whole = Text(b"".join(drop.text.own for drop in drops))
    quick = read_quickly(fields, whole)
    rows, aside = quick.rows, ASIDE.to_frame()
    if quick.odd:
        odd = frame_of(whole, quick.odd)
        try:
            check_one_layout(fields, drops[0].key, odd)
        except CorruptDropError:  # of one of them, whose message must have its own name
            return [_read_alone(drop) for drop in drops]
        strict, aside = read_strictly(fields, odd)
        rows, aside = pl.concat([rows, strict]).sort("line"), aside.sort("line")
    return [_checked(*parts) for parts in _divide(drops, whole, rows, aside)]


def _divide(
    drops: Sequence[Lines], whole: Text, rows: pl.DataFrame, aside: pl.DataFrame
) -> Iterator[tuple[Lines, int, pl.DataFrame, pl.DataFrame]]:
    """Each drop with the number of its lines, its rows, and its lines that are no rows, with its own numbers."""
    ends = np.searchsorted(whole.ends, np.cumsum([len(drop.text.own) for drop in drops]), side="left")
    starts = [0, *ends[:-1].tolist()]
    counts = np.diff(ends, prepend=0).tolist()
    frames = []
    for frame in (rows, aside):
        lines = frame["line"].to_numpy()
        places = np.searchsorted(lines, [*starts, int(ends[-1])], side="right")
        back = np.array([drop.text.first - 1 - start for drop, start in zip(drops, starts, strict=True)])
        numbered = frame.with_columns(pl.Series("line", lines + np.repeat(back, np.diff(places))))
        frames.append(
            [numbered[first:last] for first, last in zip(places[:-1].tolist(), places[1:].tolist(), strict=True)]
        )
    yield from zip(drops, counts, *frames, strict=True)


def _checked(drop: Lines, lines: int, rows: pl.DataFrame, aside: pl.DataFrame) -> ParsedRows | CorruptDropError:
    source = drop.fields.source
    if lines > source.limits.rows:
        return _read_alone(drop)
    try:
        check_types(source, drop.key, aside, lines)
    except CorruptDropError as error:
        return error
    return ParsedRows(rows, aside, lines, drop.text.lines, notes_on(source, drop.extra))


def _read_alone(drop: Lines) -> ParsedRows | CorruptDropError:
    try:
        return drop.read()
    except CorruptDropError as error:
        return error
