"""Objects that carry a whole history and grow: which rows are new, and which are of later sessions. Pure.

A run takes in the rows up to its session. How far that is in the text, and the digest of that much, is kept: where the
next version begins with the same bytes, only what follows is read, so a night costs a line a symbol to judge, whatever
the length of the history. Where it doesn't, the vendor has restated something, and all of it is read again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.checks import DropName
from afterbell.ingest.parsing.decode import Text, decode
from afterbell.ingest.parsing.faults import VALUE_FAULTS, first_line
from afterbell.ingest.parsing.header import read_header
from afterbell.ingest.parsing.judge import ParsedDrop, judge_rows
from afterbell.ingest.parsing.parse import complete_rows
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.text import read_lines
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source


@dataclass(frozen=True)
class Mark:
    """How much of an object's text was taken in, from its beginning on.

    Attributes:
        size: bytes, up to the end of a line; 0 for none.
        sha256: the digest of them; empty for none.
    """

    size: int = 0
    sha256: str = ""

    @classmethod
    def at(cls, data: bytes, size: int) -> Mark:
        """The mark after ``size`` bytes of ``data``."""
        return cls(size, hashlib.sha256(memoryview(data)[:size]).hexdigest()) if size else cls()

    def holds(self, data: bytes) -> bool:
        """Whether ``data`` begins with what was taken in."""
        return 0 < self.size <= len(data) and Mark.at(data, self.size) == self


@dataclass(frozen=True)
class ParsedHistory:
    """The new rows of an object.

    Attributes:
        drop: its rows up to the session of the run, and the lines set aside among them.
        mark: how much of its text is taken in with them.
        left: rows of later sessions.
        restated: whether something that was taken in before is no longer there as it was.
    """

    drop: ParsedDrop
    mark: Mark
    left: int
    restated: bool


def parse_history(source: Source, rules: RuleSet, name: DropName, body: bytes, before: Mark) -> ParsedHistory:
    """Read what of an object wasn't taken in before.

    Args:
        source: what the object should be.
        rules: of the source.
        name: its key, the session of the run, and the sessions that its rows may be of.
        body: the object's bytes, as stored.
        before: how much of it was taken in earlier.

    Raises:
        CorruptDropError: it can't be read as what the source declares.
    """
    try:
        return _parse(source, rules, name, body, before)
    except VALUE_FAULTS as error:  # whatever a library can't take stops this object, not the run
        raise CorruptDropError(
            f"drop {name.key}: expected {source.format.type} as source {source.name} declares it, "
            f"found values that cannot be read ({type(error).__name__}: {first_line(error)}); ask for it again"
        ) from error


def _parse(source: Source, rules: RuleSet, name: DropName, body: bytes, before: Mark) -> ParsedHistory:
    whole = decode(source, name.key, body)
    fields, text, extra = read_header(source, name.key, whole)
    again = before.holds(whole.data)
    start = max(text.begin, before.size if again else 0)
    passed = whole.data.count(b"\n", text.begin, start)
    lines = Text(whole.data[start:], text.first + passed)
    rows = read_lines(name.key, fields, lines, extra)
    rows, left, end = _up_to(rows, lines, name.session)
    rows = _without_the_oldest(rows, name.carried[0])
    mark = Mark.at(whole.data, start + end) if start + end > text.begin else Mark()
    return ParsedHistory(
        judge_rows(source, rules, name, complete_rows(source, name, rows)), mark, left, bool(before.size) and not again
    )


def _up_to(rows: ParsedRows, lines: Text, session: date) -> tuple[ParsedRows, int, int]:
    """Rows up to a session, how many are later, and how many bytes of ``lines`` are before the first of those.

    Where sessions don't ascend, a later row may stand anywhere: then nothing is taken for read, and all of it is read
    again and compared when another session has come.
    """
    day = pl.col("session")
    later = rows.frame.filter(day > session)
    if later.is_empty():
        return rows, 0, len(lines.data)
    if not rows.frame["session"].drop_nulls().is_sorted():
        kept = rows.frame.filter(day.is_null() | (day <= session))
        return replace(rows, frame=kept), later.height, 0
    first = int(later["line"][0])
    before = pl.col("line") < first
    aside = rows.aside.filter(before)
    kept = rows.frame.filter(before)
    end = int(lines.starts[first - lines.first])
    return replace(rows, frame=kept, aside=aside, lines=first - lines.first), later.height, end


def _without_the_oldest(rows: ParsedRows, first: date) -> ParsedRows:
    """Rows from the exchange's calendar on: of older ones nothing is assumed, and nothing is wrong with them."""
    old = rows.frame["session"] < first
    count = int(old.sum())
    if not count:
        return rows
    note = f"{count} rows of sessions before {first}, where the exchange's calendar begins, were left out"
    return replace(
        rows,
        frame=rows.frame.filter(~old.fill_null(value=False)),
        lines=rows.lines - count,
        notes=(*rows.notes, note),
    )
