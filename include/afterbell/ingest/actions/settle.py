"""The corporate actions that a run writes: what its evidence says, what is reported, and what a person decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, corporate_actions
from afterbell.ingest.actions.opinions import NO_OPINIONS, Opinions, Told, told_about, with_opinions
from afterbell.ingest.actions.overrides import FILE, PREFIX, VENDOR, Decision, load_overrides
from afterbell.ingest.actions.person import Decisions, rows_of, silence, weigh_decisions
from afterbell.ingest.base import Base
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS

_BARS_WITHIN = timedelta(days=30)


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


def decisions_without_bars(base: Base, decisions: Decisions, bars_snapshot: int) -> list[str]:
    """What a run writes about symbols that have no bar near the ex-session, a sentence each: they may be misspelt.

    Args:
        base: the lake that the run builds on.
        decisions: a person's.
        bars_snapshot: of ``market.bars``, with what the run has written.
    """
    found = []
    for each in decisions.due:
        low, high = each.ex_session - _BARS_WITHIN, each.ex_session + _BARS_WITHIN
        files = plan_files(base.spark, BARS, bars_snapshot, "session", low, high)
        if read_files(files, base.shape(BARS), base.s3, pl.col("symbol") == each.symbol).is_empty():
            found.append(
                f"{FILE}: the decision of {each.by} about {each.symbol} {each.ex_session} is written, but "
                f"{BARS.name} has no bar of {each.symbol} from {low} to {high}; "
                "if it is misspelt, add an entry for the right symbol"
            )
    return found


def settle_actions(
    base: Base,
    evidence: pl.DataFrame,
    shown: pl.DataFrame | None,
    decisions: Decisions,
    opinions: Opinions = NO_OPINIONS,
) -> Told:
    """The rows of ``market.corporate_actions`` that a run adds.

    Args:
        base: the lake that the run builds on.
        evidence: the lake's, of the sessions that the run's drops touch and of those around them.
        shown: ``EVIDENCE`` with knowledge_time and drop_id that the run adds; None for none.
        decisions: a person's.
        opinions: what sources of actions report.

    Returns:
        ``ACTIONS``, and reported rows that are refused.
    """
    found = ACTIONS.to_frame() if shown is None else _derived(evidence, shown)
    found, refused = with_opinions(base, found, shown, opinions)
    found = silence(found, decisions.words)
    if decisions.due:
        found = pl.concat([found, rows_of(decisions.due, _all_told(base, decisions.due, shown, opinions))])
    if found.is_empty():
        return Told(found, refused)
    found = found.sort("knowledge_time", "symbol", "ex_session", maintain_order=True)
    there = base.rows(CORPORATE_ACTIONS, "ex_session", found["ex_session"].min(), found["ex_session"].max())
    return Told(found.join(there, on=found.columns, how="anti", maintain_order="left"), refused)


def _derived(evidence: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """What follows from the evidence that the run adds."""
    every = pl.concat([evidence.select(shown.columns), shown]).unique(maintain_order=True)
    return corporate_actions(every).filter(pl.col("knowledge_time") >= shown["knowledge_time"].min())


def _all_told(
    base: Base, decisions: Sequence[Decision], shown: pl.DataFrame | None, opinions: Opinions
) -> pl.DataFrame:
    """All that was ever said about the keys of decisions that end a person's word, written or not: ``ACTIONS``."""
    keys = {each.key for each in decisions if each.action == VENDOR}
    return told_about(base, keys, shown, opinions).rows if keys else ACTIONS.to_frame()
