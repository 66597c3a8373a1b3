"""Selects the (symbol, session) rows that may be traded, from what was known at each session's cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from afterbell.training.spec import UniverseFilter


class Universe:
    """Judges bars, a stretch of sessions after the other, and remembers the last bars of each symbol."""

    def __init__(
        self,
        rule: UniverseFilter,
        renames: Sequence[tuple[int, int, int]] = (),
        taken: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Set the thresholds and what is known of symbols.

        Args:
            rule: the thresholds; the median covers the last ``rule.window`` bars, the session's own included.
            renames: the first session under a new symbol, the old and the new one: bars before count for both.
            taken: the first session on which a symbol stands for another security: no bar before counts.
        """
        self._rule, self._renames, self._taken = rule, sorted(renames), taken
        self._before: pl.DataFrame | None = None

    def tradable(self, bars: pl.DataFrame) -> pl.DataFrame:
        """The rows that pass price and liquidity.

        Args:
            bars: symbol (of any type), session, close (as traded, listing currency), volume (shares): all bars of some
                sessions, which come after those of the call before; one row a (symbol, session), the revision known at
                that session's own cut-off, so that no later restatement decides.

        Returns:
            symbol and session of the rows that may be traded, and dollars, float64: their trailing median.
        """
        rule = self._rule
        traded = bars.select("symbol", "session", "close", dollars=pl.col("close") * pl.col("volume"), new=pl.lit(True))
        for since, old, new in self._renames:
            before = traded.filter((pl.col("symbol") == old) & (pl.col("session") < since))
            carried = before.with_columns(symbol=pl.lit(new).cast(traded.schema["symbol"]), new=pl.lit(False))
            traded = pl.concat([traded, carried.join(traded, on=["symbol", "session"], how="anti")])
        rows = traded if self._before is None else pl.concat([self._before, traded])
        rows = rows.sort("symbol", "session")
        # No more than these can enter a later median.
        self._before = (
            rows.group_by("symbol", maintain_order=True).tail(rule.window - 1).with_columns(new=pl.lit(False))
        )
        later = [
            ((pl.col("symbol") == code) & (pl.col("session") >= since)).cast(pl.Int32) for since, code in self._taken
        ]
        part = pl.sum_horizontal(later) if later else pl.lit(0)
        median = (
            pl.col("dollars")
            .rolling_median(rule.window, min_samples=min(rule.min_window, rule.window))
            .over("symbol", part)
        )
        judged = rows.with_columns(dollars=median)
        liquid = pl.col("dollars") >= rule.min_median_dollar_volume
        return judged.filter((pl.col("close") >= rule.min_price) & liquid & pl.col("new")).select(
            "symbol", "session", "dollars"
        )
