"""The corporate actions that a run writes: what its evidence says, and what a person decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, INFLUENCE, corporate_actions
from afterbell.ingest.actions.overrides import PREFIX, VENDOR, Decision, load_overrides
from afterbell.ingest.actions.person import Decisions, rows_of, silence, weigh_decisions
from afterbell.ingest.base import Base
from afterbell.lake.tables import CORPORATE_ACTIONS, EVIDENCE

AROUND = timedelta(days=4 * INFLUENCE)
"""Evidence further away from a session has no say in anything that was ever believed of it."""

Key = tuple[str, date]


def find_decisions(base: Base, horizon: datetime, exchanges: Collection[str]) -> Decisions:
    """The decisions of ``overrides.yaml`` that a run writes, and those that the lake has.

    Args:
        base: the lake that the run builds on.
        horizon: when the newest content of the run's last session is known (UTC).
        exchanges: whose sessions an ex-session may be.

    Raises:
        ConfigError: the file is wrong, or a decision comes too late to count (``weigh_decisions``).
    """
    decisions = load_overrides(exchanges)
    there = base.rows(CORPORATE_ACTIONS, "drop_id", PREFIX, PREFIX + "~").select(list(ACTIONS))
    if decisions:
        days = [each.ex_session for each in decisions]
        near = base.rows(CORPORATE_ACTIONS, "ex_session", min(days), max(days)).select(list(ACTIONS))
        there = pl.concat([there, near.filter(pl.col("ex_session").is_in(days))]).unique(maintain_order=True)
    return weigh_decisions(decisions, there, horizon)


def settle_actions(
    base: Base, evidence: pl.DataFrame, shown: pl.DataFrame | None, decisions: Decisions
) -> pl.DataFrame | None:
    """The rows of ``market.corporate_actions`` that a run adds.

    Args:
        base: the lake that the run builds on.
        evidence: the lake's, of the sessions that the run's drops touch and of those around them.
        shown: ``EVIDENCE`` with knowledge_time and drop_id that the run adds; None for none.
        decisions: a person's.

    Returns:
        ``ACTIONS``; None for none.
    """
    found = ACTIONS.to_frame() if shown is None else _derived(evidence, shown)
    found = silence(found, decisions.words)
    if decisions.due:
        again = [each for each in decisions.due if each.action == VENDOR]
        found = pl.concat([found, rows_of(decisions.due, _all_told(base, again, shown))])
    if found.is_empty():
        return None
    found = found.sort("knowledge_time", "symbol", "ex_session", maintain_order=True)
    there = base.rows(CORPORATE_ACTIONS, "ex_session", found["ex_session"].min(), found["ex_session"].max())
    return found.join(there, on=found.columns, how="anti", maintain_order="left")


def _derived(evidence: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """What follows from the evidence that the run adds."""
    every = pl.concat([evidence.select(shown.columns), shown]).unique(maintain_order=True)
    return corporate_actions(every).filter(pl.col("knowledge_time") >= shown["knowledge_time"].min())


def _all_told(base: Base, decisions: Sequence[Decision], shown: pl.DataFrame | None) -> pl.DataFrame:
    """All that evidence ever said about the keys of ``decisions``, written or not: ``ACTIONS``."""
    if not decisions:
        return ACTIONS.to_frame()
    near = evidence_near(base, [each.key for each in decisions])
    if shown is not None:
        mine = shown.filter(pl.col("symbol").is_in([each.symbol for each in decisions]))
        near = pl.concat([near.select(shown.columns), mine])
    return corporate_actions(near.unique(maintain_order=True))


def evidence_near(base: Base, keys: Collection[Key]) -> pl.DataFrame:
    """The lake's evidence that has a say in what is believed of ``keys`` (symbol and ex-session), at any time."""
    symbols = pl.col("symbol").is_in(sorted({symbol for symbol, _ in keys}))
    spans = list(_spans({day for _, day in keys}))
    return pl.concat([base.rows(EVIDENCE, "session", *span).filter(symbols) for span in spans])


def _spans(days: Collection[date]) -> Iterator[tuple[date, date]]:
    """Spans of days that hold everything around ``days``, ascending and apart from each other."""
    first = last = min(days)
    for day in sorted(days):
        if day - last > 2 * AROUND:
            yield first - AROUND, last + AROUND
            first = day
        last = day
    yield first - AROUND, last + AROUND
