"""From the bytes of a drop to typed rows and quarantined lines. Pure: no store, no engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.checks import DropName as DropName  # noqa: PLC0414 - part of what this module offers
from afterbell.ingest.parsing.decode import decode
from afterbell.ingest.parsing.faults import VALUE_FAULTS
from afterbell.ingest.parsing.header import read_header
from afterbell.ingest.parsing.judge import ParsedDrop as ParsedDrop  # noqa: PLC0414 - likewise
from afterbell.ingest.parsing.judge import judge_rows, one_drop
from afterbell.ingest.parsing.parquet import read_parquet
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.small import Lines, read_small
from afterbell.ingest.parsing.steps import steps_between
from afterbell.ingest.parsing.text import read_text
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source

INSTANT = pl.Datetime("us", "UTC")


def parse_drop(source: Source, rules: RuleSet, name: DropName, body: bytes) -> ParsedDrop:
    """Read one drop and judge its rows.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header, types.
    """
    return judge_rows(source, rules, name, read_rows(source, name, body))


def read_rows(source: Source, name: DropName, body: bytes) -> ParsedRows:
    """The rows of one drop, for ``judge_drops``.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header, types.
    """
    read = read_parquet if source.format.type == "parquet" else read_text
    with one_drop(source, name):
        return complete_rows(source, name, read(source, name.key, body))


def read_or_wait(source: Source, name: DropName, body: bytes) -> ParsedRows | Lines:
    """The same, but of a small drop its lines, for ``read_waiting``.

    Raises:
        CorruptDropError: as ``read_rows``.
    """
    if source.format.type == "parquet":
        return read_rows(source, name, body)
    with one_drop(source, name):
        lines = Lines(name.key, *read_header(source, name.key, decode(source, name.key, body)))
        return lines if lines.small else complete_rows(source, name, lines.read())


def read_waiting(source: Source, drops: Sequence[tuple[DropName, Lines]]) -> list[ParsedRows | CorruptDropError]:
    """The results or errors of ``read_rows`` for several small drops."""
    try:
        read = read_small([lines for _, lines in drops])
    except VALUE_FAULTS:  # whichever of them it is
        return [_read_one(source, name, lines) for name, lines in drops]
    return [
        rows if isinstance(rows, CorruptDropError) else _completed(source, name, rows)
        for (name, _), rows in zip(drops, read, strict=True)
    ]


def _read_one(source: Source, name: DropName, lines: Lines) -> ParsedRows | CorruptDropError:
    try:
        with one_drop(source, name):
            return complete_rows(source, name, lines.read())
    except CorruptDropError as error:
        return error


def _completed(source: Source, name: DropName, rows: ParsedRows) -> ParsedRows | CorruptDropError:
    try:
        with one_drop(source, name):
            return complete_rows(source, name, rows)
    except CorruptDropError as error:
        return error


def complete_rows(source: Source, name: DropName, rows: ParsedRows) -> ParsedRows:
    """Rows with the columns that their drop's name gives; of cumulative factors, the actions that they stand for."""
    frame = with_session(source, name, with_symbol(source, name, rows.frame))
    if source.session_in_key:
        frame = frame.with_columns(pl.lit(name.session).alias("session"))
    if source.cumulative:
        frame = steps_between(source, name, frame, rows.aside)
    return replace(rows, frame=frame)


def with_symbol(source: Source, name: DropName, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the ``symbol`` of their key, where that has it, in the letters that the source declares."""
    if source.symbol_in_key:
        return rows.with_columns(pl.lit(source.symbol_of(name.key), dtype=pl.String).alias("symbol"))
    if source.case == "upper":
        return rows.with_columns(pl.col("symbol").str.to_uppercase())
    return rows


def with_session(source: Source, name: DropName, rows: pl.DataFrame) -> pl.DataFrame:
    """Minute bars with the ``session`` (Date) that ``at`` lies in; rows of other kinds as they are.

    A minute belongs to a session of the drop when it begins after that session's opening bell and before its close, or,
    where the source has ``hours: day``, on that day by the exchange's clocks. Others belong to none of them: NULL.
    """
    if source.kind != "minute_bars":
        return rows
    session: pl.Expr = pl.lit(None, dtype=pl.Date)
    for day in name.carried:
        first, end = _bounds(source, day)
        inside = (pl.col("at") >= pl.lit(first, dtype=INSTANT)) & (pl.col("at") < pl.lit(end, dtype=INSTANT))
        session = pl.when(inside).then(pl.lit(day)).otherwise(session)
    return rows.with_columns(session.alias("session"))


def _bounds(source: Source, day: date) -> tuple[datetime, datetime]:
    exchange = Exchange(source.exchange)
    return exchange.whole_day(day) if source.hours == "day" else exchange.hours(day)
