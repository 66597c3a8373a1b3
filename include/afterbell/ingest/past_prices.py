"""The last closes that the lake has of a source's symbols: what new prices are compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError, NotASessionError
from afterbell.ingest.base import Base
from afterbell.ingest.levels import ImplausibleError, check_levels
from afterbell.ingest.outcome import Outcome, id_of
from afterbell.ingest.task_results import LEVELS, Parts
from afterbell.lake.scan import read_files
from afterbell.lake.tables import BARS, MINUTE_BARS
from afterbell.sources.source import Source

_TABLES = {"bars": BARS, "minute_bars": MINUTE_BARS}
_BACK = {"bars": 5, "minute_bars": 1}
"""How many sessions to look back; a day of minutes is as many rows as a year of days."""
_APART = timedelta(days=10)
_ORDER = ("session", "at", "knowledge_time", "revision")
_COLUMNS = (*_ORDER, "symbol", "close", "drop_id")


def refuse_implausible(
    base: Base, sources: Sequence[Source], outcomes: Sequence[Outcome], parts: Parts, *, released: Collection[str] = ()
) -> None:
    """Compare the prices of the drops read with those the lake has, or with the bounds of their source.

    Args:
        base: the lake that the run builds on.
        sources: of the run.
        outcomes: what was read.
        parts: what the tasks returned.
        released: ids of refusals that a person has lifted: the prices of these drops are believed.

    Raises:
        ImplausibleError: some of them can't be prices.
    """
    samples = parts.rows(LEVELS)
    if samples is None:
        return
    closes: dict[str, dict[str, float]] = {}
    for drop_id, symbol, close in samples.iter_rows():
        closes.setdefault(drop_id, {})[symbol] = close
    implausible: list[tuple[Outcome, str]] = []
    for source in sources:
        mine = [
            outcome
            for outcome in outcomes
            if outcome.task.source == source.name and outcome.drop_id in closes and id_of(outcome.task) not in released
        ]
        for drops in near_sessions(mine):
            symbols = {symbol for outcome in drops for symbol in closes[outcome.drop_id]}
            past, known = _past_closes(base, source, drops[0].task.session, symbols)
            reasons = check_levels(source, drops, closes, past, known=known)
            implausible += [(drops[place], reason) for place, reason in reasons.items()]
    if implausible:
        raise ImplausibleError(implausible)


def near_sessions(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Drops of sessions that follow each other: over years the prices of a market can move by themselves."""
    groups: list[list[Outcome]] = []
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.task.session, outcome.task.key)):
        if not groups or outcome.task.session - groups[-1][-1].task.session > _APART:
            groups.append([])
        groups[-1].append(outcome)
    return groups


def _past_closes(base: Base, source: Source, first: date, symbols: Collection[str]) -> tuple[Mapping[str, float], bool]:
    """The last close of each of ``symbols`` in the few sessions before ``first``, as the source delivered it.

    Returns:
        The closes, and whether the lake has any bar of the source there.
    """
    table = _TABLES[source.kind]
    try:
        before = Exchange(source.exchange).before(first, _BACK[source.kind])
    except (CalendarBoundsError, NotASessionError):
        before = []
    files = base.files(table, "session", before[0], before[-1]) if before else []
    if not files:
        return {}, False
    ours = pl.col("session").is_between(before[0], before[-1]) & pl.col("drop_id").str.starts_with(f"{source.name}:")
    whole = base.shape(table)
    keep = ours & pl.col("symbol").is_in(sorted(symbols)) & (pl.col("close") > 0)
    rows = read_files(files, whole.only(_COLUMNS), base.s3, keep)
    if rows.is_empty():
        return {}, bool(read_files(files, whole.only(("session", "drop_id")), base.s3, ours).height)
    rows = rows.sort([name for name in _ORDER if name in rows.columns])
    closes = rows.unique("symbol", keep="last", maintain_order=True).select("symbol", "close")
    return dict(closes.iter_rows()), True
