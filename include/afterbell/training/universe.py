"""Which (symbol, session) rows may be traded, from what was known at each session's cut-off."""

from __future__ import annotations

import polars as pl

from afterbell.training.spec import UniverseFilter


def tradable(bars: pl.DataFrame, rule: UniverseFilter) -> pl.DataFrame:
    """The rows that pass price and liquidity.

    Args:
        bars: symbol, session, close (as traded, listing currency), volume (shares): one row a (symbol,
        session), the
            revision known at that session's own cut-off, so that no later restatement decides.
        rule: the thresholds; the median covers the last ``rule.window`` bars, this session's included.

    Returns:
        symbol and session of the rows that may be traded.
    """
    median = (
        (pl.col("close") * pl.col("volume"))
        .rolling_median(rule.window, min_samples=min(rule.min_window, rule.window))
        .over("symbol", order_by="session")
    )
    return bars.filter((pl.col("close") >= rule.min_price) & (median >= rule.min_median_dollar_volume)).select(
        "symbol", "session"
    )
