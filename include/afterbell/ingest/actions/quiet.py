"""Evidence that needs no weighing, handled in columns: nearly all of it. Pure.

What is believed of a session depends on evidence of the same symbol no more than ``REACH`` days away, and on what that
evidence depends on; a payout also depends on others within ``REPEAT`` days. Where neither a factor far from 1 nor a
move as wide as a split is within that, a large move means nothing, and a dividend means itself.
"""

from __future__ import annotations

import polars as pl

from afterbell.ingest.actions.inference import NEVER_A_SPLIT
from afterbell.ingest.actions.ratios import FAR_FROM_ONE, WEIGHTY

REACH = 5
"""Days: the vendor's claim and the move of the price lie no further apart, nor do two claims of one split. A week-end
with two holidays beside it is shorter."""

REPEAT = 14
"""Days within which the same payout shown twice is one."""


def set_apart(evidence: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Dividends that stand for themselves, and the evidence that has to be weighed.

    Args:
        evidence: symbol, session, factor, close_before, close, knowledge_time, and ``known`` where some rows
            were recorded before; no null in ``close_before``.

    Returns:
        Rows of ``evidence``, each of which is a dividend on its session from its knowledge time on; and all rows that
        bear on anything else. Neither has those from which nothing follows.
    """
    move = pl.col("close") / pl.col("close_before")
    near_one = (pl.col("factor") - 1).abs() <= FAR_FROM_ONE
    rows = evidence.sort("symbol", "session").with_columns(
        _stretch=_stretches(REACH),
        _quiet=(near_one & move.is_between(*NEVER_A_SPLIT)).fill_null(value=False),
        _claims=pl.col("factor") != 1.0,
    )
    rows = rows.with_columns(pl.col("_quiet").all().over("_stretch"))
    # A large move means nothing by itself; it may mean something beside a factor far from 1, or a move like a split's.
    rows = rows.filter(~pl.col("_quiet") | pl.col("_claims"))
    # Rows that become known at one instant are handled together, whatever lies between them.
    by_itself = pl.len().over("symbol", "knowledge_time") == 1
    rows = rows.with_columns(_stretch=_stretches(REPEAT), _single=by_itself)
    payout = (pl.col("factor") < 1) & ((pl.col("factor") - 1).abs() <= WEIGHTY)
    alone = pl.col("_quiet") & pl.col("_single") & payout & (pl.len().over("_stretch") == 1)
    new = ~pl.col("known") if "known" in evidence.columns else pl.lit(value=True)
    dividends = rows.filter(alone & new)
    return dividends.select(evidence.columns), rows.filter(~alone).select(evidence.columns)


def _stretches(days: int) -> pl.Expr:
    """A number for each run of a symbol's rows, sorted by session, with no more than ``days`` between two of them."""
    return (pl.col("session").diff().over("symbol").dt.total_days() > days).fill_null(value=True).cum_sum()
