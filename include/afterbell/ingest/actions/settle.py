"""The corporate actions that a run writes: what its evidence shows, what is reported, and what a person decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, corporate_actions
from afterbell.ingest.actions.opinions import NO_OPINIONS, ActionRows, Opinions, actions_near, with_opinions
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
        ConfigError: the file is wrong.
    """
    decisions = load_overrides(exchanges)
    written = base.rows(CORPORATE_ACTIONS, "drop_id", PREFIX, PREFIX + "~").select(list(ACTIONS))
    if decisions:
        days = [decision.ex_session for decision in decisions]
        near = base.rows(CORPORATE_ACTIONS, "ex_session", min(days), max(days)).select(list(ACTIONS))
        written = pl.concat([written, near.filter(pl.col("ex_session").is_in(days))]).unique(maintain_order=True)
    return weigh_decisions(decisions, written, horizon)


def decisions_without_bars(base: Base, decisions: Decisions, bars_snapshot: int) -> list[str]:
    """A sentence for each decision about a symbol that has no bar near the ex-session: it may be misspelt.

    Args:
        base: the lake that the run builds on.
        decisions: a person's.
        bars_snapshot: of ``market.bars``, with what the run has written.
    """
    sentences = []
    for decision in decisions.due:
        low, high = decision.ex_session - _BARS_WITHIN, decision.ex_session + _BARS_WITHIN
        files = plan_files(base.spark, BARS, bars_snapshot, "session", low, high)
        if read_files(files, base.shape(BARS), base.s3, pl.col("symbol") == decision.symbol).is_empty():
            sentences.append(
                f"{FILE}: the decision of {decision.by} about {decision.symbol} {decision.ex_session} is written, but "
                f"{BARS.name} has no bar of {decision.symbol} from {low} to {high}; "
                "if it is misspelt, add an entry for the right symbol"
            )
    return sentences


def settle_actions(
    base: Base,
    evidence: pl.DataFrame,
    shown: pl.DataFrame | None,
    decisions: Decisions,
    opinions: Opinions = NO_OPINIONS,
) -> ActionRows:
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
    actions = ACTIONS.to_frame() if shown is None else _derived(evidence, shown)
    actions, refused = with_opinions(base, actions, shown, opinions)
    actions = silence(actions, decisions.words)
    if decisions.due:
        actions = pl.concat([actions, rows_of(decisions.due, _all_derived(base, decisions.due, shown, opinions))])
    if actions.is_empty():
        return ActionRows(actions, refused)
    actions = actions.sort("knowledge_time", "symbol", "ex_session", maintain_order=True)
    written = base.rows(CORPORATE_ACTIONS, "ex_session", actions["ex_session"].min(), actions["ex_session"].max())
    return ActionRows(actions.join(written, on=actions.columns, how="anti", maintain_order="left"), refused)


def _derived(evidence: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """What follows from the evidence that the run adds."""
    every = pl.concat([evidence.select(shown.columns), shown]).unique(maintain_order=True)
    return corporate_actions(every).filter(pl.col("knowledge_time") >= shown["knowledge_time"].min())


def _all_derived(
    base: Base, decisions: Sequence[Decision], shown: pl.DataFrame | None, opinions: Opinions
) -> pl.DataFrame:
    """All rows that are justified about the keys of decisions that end an earlier one, written or not: ``ACTIONS``."""
    keys = {decision.key for decision in decisions if decision.action == VENDOR}
    return actions_near(base, keys, shown, opinions).rows if keys else ACTIONS.to_frame()
