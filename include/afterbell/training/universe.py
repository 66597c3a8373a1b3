"""Which (symbol, session) rows may be traded, from what was known at each session's cut-off."""

from __future__ import annotations

import polars as pl

from afterbell.training.spec import UniverseFilter


class Universe:
    """Judges bars, a stretch of sessions after the other, and remembers the last bars of each symbol."""

    def __init__(self, rule: UniverseFilter) -> None:
        """``rule``: the thresholds; the median covers the last ``rule.window`` bars, the session's own included."""
        self._rule = rule
        self._before: pl.DataFrame | None = None

    def tradable(self, bars: pl.DataFrame) -> pl.DataFrame:
        """The rows that pass price and liquidity.

        Args:
            bars: symbol (of any type), session, close (as traded, listing currency), volume (shares): all bars of some
                sessions, which come after those of the call before; one row a (symbol, session), the revision known at
                that session's own cut-off, so that no later restatement decides.

        Returns:
            symbol and session of the rows that may be traded.
        """
        rule = self._rule
        traded = bars.select("symbol", "session", "close", dollars=pl.col("close") * pl.col("volume"), new=pl.lit(True))
        rows = traded if self._before is None else pl.concat([self._before, traded])
        rows = rows.sort("symbol", "session")
        # No more than these can enter a later median.
        self._before = (
            rows.group_by("symbol", maintain_order=True).tail(rule.window - 1).with_columns(new=pl.lit(False))
        )
        median = (
            pl.col("dollars").rolling_median(rule.window, min_samples=min(rule.min_window, rule.window)).over("symbol")
        )
        return rows.filter(
            (pl.col("close") >= rule.min_price) & (median >= rule.min_median_dollar_volume) & pl.col("new")
        ).select("symbol", "session")
