"""From the bytes of a drop to typed rows and quarantined lines. Pure: no store, no engine."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.checks import DropName as DropName  # noqa: PLC0414 - part of what this module offers
from afterbell.ingest.parsing.checks import content_checks
from afterbell.ingest.parsing.faults import VALUE_FAULTS, first_line
from afterbell.ingest.parsing.parquet import read_parquet
from afterbell.ingest.parsing.repeats import collapse, hold_jumps
from afterbell.ingest.parsing.rows import Rows
from afterbell.ingest.parsing.sift import RAW_KEPT, REJECTED, sift
from afterbell.ingest.parsing.steps import steps_between
from afterbell.ingest.parsing.text import read_text
from afterbell.ingest.parsing.times import with_session
from afterbell.ingest.sources.source import Source
from afterbell.quality.rules import RuleSet


@dataclass(frozen=True)
class ParsedDrop:
    """What a drop held.

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


def parse_drop(source: Source, rules: RuleSet, name: DropName, body: bytes) -> ParsedDrop:
    """Read one drop.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header, types.
    """
    try:
        return _parse(source, rules, name, body)
    except VALUE_FAULTS as error:  # whatever a library can't take stops this drop, not the run
        raise CorruptDropError(
            f"drop {name.key}: expected {source.format.type} that can be read as source {source.name} declares it, "
            f"found values that cannot be ({type(error).__name__}: {first_line(error)}); ask for it again"
        ) from error


def _parse(source: Source, rules: RuleSet, name: DropName, body: bytes) -> ParsedDrop:
    read = read_parquet if source.format.type == "parquet" else read_text
    found = read(source, name.key, body)
    return judge_rows(source, rules, name, found)


def judge_rows(source: Source, rules: RuleSet, name: DropName, found: Rows) -> ParsedDrop:
    """What was read of a drop, judged by its content."""
    rows = with_session(source, name, with_symbol(source, name, found.frame))
    if source.session_in_key:
        rows = rows.with_columns(pl.lit(name.session).alias("session"))
    if source.cumulative:
        rows = steps_between(source, name, rows, found.aside)
    rows, refused = sift(rows, content_checks(source, rules, name, rows))
    rows, collapsed, repeated = collapse(source, rules, rows)
    asides = [found.aside, refused, repeated]
    held = None
    if source.kind == "bars" and not source.is_history:  # where one row of a symbol says nothing of the others
        every = rows
        rows, jumped = hold_jumps(rules, rows)
        asides.append(jumped)
        held = every.join(jumped, on="line", how="semi").drop("line") if jumped.height else None
    rejected = _rejected(found, [aside for aside in asides if aside.height])
    if source.symbol_in_key:  # of a line that is no row, too
        rejected = rejected.with_columns(pl.lit(source.symbol_of(name.key), dtype=pl.String).alias("symbol"))
    return ParsedDrop(rows.drop("line"), rejected, found.lines, collapsed, found.notes, held)


def with_symbol(source: Source, name: DropName, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the ``symbol`` of their key, where that has it, in the letters that the source declares."""
    if source.symbol_in_key:
        return rows.with_columns(pl.lit(source.symbol_of(name.key), dtype=pl.String).alias("symbol"))
    if source.case == "upper":
        return rows.with_columns(pl.col("symbol").str.to_uppercase())
    return rows


def _rejected(found: Rows, asides: list[pl.DataFrame]) -> pl.DataFrame:
    if not asides:
        return REJECTED.to_frame()
    aside = pl.concat(asides).sort("line")
    raw = [text[:RAW_KEPT] for text in found.raw(aside["line"].to_list())]
    return aside.with_columns(pl.Series("raw", raw, dtype=pl.String))
