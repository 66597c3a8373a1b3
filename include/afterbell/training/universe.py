"""Selects the (symbol, session) rows that may be traded, from what was known at each session's cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from afterbell.errors import ValidationFailedError
from afterbell.features.grid import SessionGrid, from_day
from afterbell.training.bars import KnownBars, Listing, Monthly, WithoutHeld, list_symbols, months_of
from afterbell.training.labels import known_renames, known_taken
from afterbell.training.spec import UniverseFilter

LOOK_BACK = 6
"""Sessions that a single session's universe is read from, as a multiple of the rule's window: a symbol that traded in
one of six of them still has all the bars of its median."""


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
        """The rows of ``judge`` that pass price and liquidity: symbol, session and dollars."""
        return self.judge(bars).filter("tradable").select("symbol", "session", "dollars")

    def judge(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Whether each row passes price and liquidity.

        Args:
            bars: symbol (of any type), session, close (as traded, listing currency), volume (shares): all bars of some
                sessions, which come after those of the call before; one row a (symbol, session), the revision known at
                that session's own cut-off, so that no later restatement decides.

        Returns:
            symbol and session of each bar; dollars, float64: their trailing median, null where too few bars make one;
            tradable, boolean.
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
        passes = ((pl.col("close") >= rule.min_price) & liquid).fill_null(value=False)
        return judged.filter("new").select("symbol", "session", "dollars", tradable=passes)


def open_universe(
    rule: UniverseFilter, bars: Monthly, actions: pl.DataFrame, grid: SessionGrid, listing: Listing
) -> tuple[Universe, KnownBars]:
    """The judge of the bars of ``grid``, and these bars: a month's ``at_own_cut_off`` is what it judges.

    Args:
        rule: the thresholds.
        bars: rows of ``market.bars``.
        actions: rows of ``market.corporate_actions``.
        grid: the run's sessions.
        listing: the symbols of ``bars``.
    """
    renames = [rename[:3] for rename in known_renames(actions, grid, listing) if rename[3]]
    # The listing is of all bars: a symbol whose bars are held has not been delisted.
    known = KnownBars(WithoutHeld(bars, actions), grid, listing)
    return Universe(rule, renames, known_taken(actions, grid, listing)), known


def judge_session(rule: UniverseFilter, bars: Monthly, actions: pl.DataFrame, grid: SessionGrid) -> pl.DataFrame:
    """The last session of ``grid``, judged as a matrix of these sessions judges it.

    Args:
        rule: the thresholds.
        bars: rows of ``market.bars``.
        actions: rows of ``market.corporate_actions``.
        grid: the sessions that count, ``LOOK_BACK`` times the rule's window.

    Returns:
        symbol, dollars (float64, the trailing median of dollars traded; null where too few bars make one) and tradable
        (boolean), a row for each symbol that has a bar of the session, ordered by symbol.

    Raises:
        PermanentError: no bar of these sessions was known.
        ValidationFailedError: none of the session itself was.
    """
    listing = list_symbols(bars, grid)
    universe, known = open_universe(rule, bars, actions, grid, listing)
    for month in np.unique(months_of(grid.days)).tolist():
        judged = universe.judge(known.at_own_cut_off(month))
    own = judged.filter(pl.col("session") == len(grid.days) - 1)
    if own.is_empty():
        raise ValidationFailedError(
            f"market.bars has no bar of session {from_day(int(grid.days[-1]))} that was known at its cut-off, so its "
            "universe cannot be judged; expected some: clear the task 'validate' and all after it"
        )
    tickers = pl.Series(listing.tickers, dtype=pl.String)
    return own.select(tickers.gather(own["symbol"]).alias("symbol"), "dollars", "tradable").sort("symbol")
