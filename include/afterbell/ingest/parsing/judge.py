"""Typed rows judged by their content: which a drop's rows are, and which of its lines are set aside. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.checks import DropName, content_checks
from afterbell.ingest.parsing.faults import VALUE_FAULTS, first_line
from afterbell.ingest.parsing.repeats import collapse, hold_jumps
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.several import DROP, bounds_of, put_together
from afterbell.ingest.parsing.sift import ASIDE, RAW_KEPT, REJECTED, sift
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source


@dataclass(frozen=True)
class ParsedDrop:
    """The content of a drop.

    Attributes:
        rows: accepted rows, the source's columns in their types; minute bars have their ``session`` too.
        rejected: lines set aside, as ``REJECTED``.
        lines: data lines, the header not counted.
        collapsed: rows that repeated another row of the drop exactly; one of each is in ``rows``.
        notes: what is odd about the drop as a whole, and allowed; for whoever keeps the ledger.
        held: bars set aside for their jump, as ``rows``; None for none.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    lines: int
    collapsed: int
    notes: tuple[str, ...] = ()
    held: pl.DataFrame | None = None

    @property
    def empty(self) -> bool:
        """Whether the drop had no data line at all: zero bytes, or a header only."""
        return self.lines == 0


def judge_rows(source: Source, rules: RuleSet, name: DropName, rows: ParsedRows) -> ParsedDrop:
    """The rows of one drop, as ``complete_rows`` gives them, judged by their content.

    Raises:
        CorruptDropError: they hold something that can't be judged.
    """
    with one_drop(source, name):
        return _judged(source, rules, [name], [rows])[0]


def judge_drops(
    source: Source, rules: RuleSet, drops: Sequence[tuple[DropName, ParsedRows]]
) -> list[ParsedDrop | CorruptDropError]:
    """The results or errors of ``judge_rows`` for several drops, computed together."""
    if not drops:
        return []
    try:
        return [*_judged(source, rules, [name for name, _ in drops], [rows for _, rows in drops])]
    except VALUE_FAULTS:  # whichever of them it is
        return [_judged_alone(source, rules, name, rows) for name, rows in drops]


def _judged_alone(source: Source, rules: RuleSet, name: DropName, rows: ParsedRows) -> ParsedDrop | CorruptDropError:
    try:
        return judge_rows(source, rules, name, rows)
    except CorruptDropError as error:
        return error


@contextmanager
def one_drop(source: Source, name: DropName) -> Iterator[None]:
    """Whatever a library can't take stops this drop, and not the run."""
    try:
        yield
    except VALUE_FAULTS as error:
        raise CorruptDropError(
            f"drop {name.key}: expected {source.format.type} as source {source.name} declares it, "
            f"found values that cannot be read ({type(error).__name__}: {first_line(error)}); ask for it again"
        ) from error


def _judged(source: Source, rules: RuleSet, names: Sequence[DropName], drops: Sequence[ParsedRows]) -> list[ParsedDrop]:
    """Drops of one source, each judged by itself, all of them in one frame."""
    firsts = _first_lines(drops)
    # A line's number also identifies its drop, as long as rows of several are together.
    frames = [
        drop.frame.with_columns(pl.col("line") + first) if first else drop.frame
        for first, drop in zip(firsts, drops, strict=True)
    ]
    rows = put_together(frames) if len(frames) > 1 else frames[0]
    rows, refused = sift(rows, content_checks(source, rules, names, rows))
    rows, repeated = collapse(source, rules, rows)
    unlike, jumped, held = rows, ASIDE.to_frame(), rows.clear()
    if source.kind == "bars" and not source.is_history:  # where one row of a symbol proves nothing about the others
        rows, jumped = hold_jumps(rules, rows)
        held = unlike.join(jumped, on="line", how="semi", maintain_order="left") if jumped.height else held
    asides = [_of_lines(frame, firsts) for frame in (refused, repeated, jumped)]
    stays, left, jumps = _of_drops(rows), _of_drops(unlike), _of_drops(held)
    return [
        _parsed(
            source,
            names[number],
            drop,
            rows=stays.get(number, rows.clear()),
            asides=[frames[number] for frames in asides if number in frames],
            collapsed=drop.frame.height
            - left.get(number, held.clear()).height
            - sum(frames[number].height for frames in asides[:2] if number in frames),
            held=jumps.get(number),
        )
        for number, drop in enumerate(drops)
    ]


def _first_lines(drops: Sequence[ParsedRows]) -> list[int]:
    """What to add to the numbers of lines of each drop, so that none comes twice, and all ascend."""
    firsts, first = [], 0
    for drop in drops:
        firsts.append(first)
        first += int(drop.frame["line"].max() or 0)  # type: ignore[arg-type]
    return firsts


def _of_drops(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """The rows of each drop that has some."""
    return {number: rows.slice(start, length) for number, start, length in bounds_of(rows)}


def _of_lines(aside: pl.DataFrame, firsts: Sequence[int]) -> dict[int, pl.DataFrame]:
    """Lines set aside of each drop that has some, with the numbers that they have there."""
    if aside.is_empty():
        return {}
    drops = np.searchsorted(firsts, aside["line"].to_numpy(), side="left") - 1
    return {
        number: aside.filter(pl.Series(drops == number)).with_columns(pl.col("line") - firsts[number])
        for number in np.unique(drops).tolist()
    }


def _parsed(
    source: Source,
    name: DropName,
    drop: ParsedRows,
    *,
    rows: pl.DataFrame,
    asides: list[pl.DataFrame],
    collapsed: int,
    held: pl.DataFrame | None,
) -> ParsedDrop:
    rejected = _rejected(drop, [drop.aside, *asides] if drop.aside.height else asides)
    if source.symbol_in_key:  # of a line that is no row, too
        rejected = rejected.with_columns(pl.lit(source.symbol_of(name.key), dtype=pl.String).alias("symbol"))
    about = ("line", DROP)
    return ParsedDrop(
        rows.drop(about, strict=False),
        rejected,
        drop.lines,
        collapsed,
        drop.notes,
        None if held is None else held.drop(about, strict=False),
    )


def _rejected(drop: ParsedRows, asides: list[pl.DataFrame]) -> pl.DataFrame:
    if not asides:
        return REJECTED.to_frame()
    aside = pl.concat(asides).sort("line")
    raw = [text[:RAW_KEPT] for text in drop.raw(aside["line"].to_list())]
    return aside.with_columns(pl.Series("raw", raw, dtype=pl.String))
