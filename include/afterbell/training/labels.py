"""Labels of all symbols from bars that are read by months: the cost of each doesn't grow with the history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afterbell.features.grid import Floats, Ints, SessionGrid
from afterbell.features.labels import forward_returns
from afterbell.lake.listings import RENAMED, REUSED, part_series
from afterbell.training.bars import KnownBars, Listing, days_of, known_rows, months_of


class Labels:
    """Labels of all symbols, a stretch of sessions at a time."""

    def __init__(
        self, bars: KnownBars, actions: pl.DataFrame, grid: SessionGrid, listing: Listing, horizons: Sequence[int]
    ) -> None:
        """``actions``: rows of ``market.corporate_actions``; what is not known at the run's cut-off is left out."""
        self._bars, self._grid, self._horizons = bars, grid, tuple(horizons)
        self._actions = known_factors(actions, grid, listing)
        self._renames = known_renames(actions, grid, listing)
        self._ends = listing.ends.copy()
        for _, old, new, _ in self._renames:
            self._ends[old] = max(self._ends[old], self._ends[new])

    def of(self, first: int, last: int) -> NDArray[np.float32]:
        """Labels of the sessions ``first`` to ``last``, both included: float32 ``(horizons, sessions, symbols)``.

        NaN where there is no label; see ``afterbell.features.labels``.
        """
        until = min(last + 2 + max(self._horizons), len(self._grid.days))
        close = self._closes(first, until)
        session, symbol, factor = self._actions
        inside = (session >= first) & (session < until)
        factors = np.ones_like(close)
        factors[session[inside] - first, symbol[inside]] = factor[inside]
        self._continue_renamed(close, factors, first)
        returns = forward_returns(close, factors, self._ends - first, self._horizons)
        sessions = last + 1 - first
        labels = np.stack([returns[horizon][:sessions].astype(np.float32) for horizon in self._horizons])
        return np.where(np.isfinite(labels), labels, np.float32(np.nan))

    def _continue_renamed(self, close: Floats, factors: Floats, first: int) -> None:
        """Continue a renamed security with its new symbol, unless another security has taken the old one."""
        for since, old, new, _ in self._renames:
            begin = max(since - first, 0)
            if np.isnan(close[begin:, old]).all():
                close[begin:, old], factors[begin:, old] = close[begin:, new], factors[begin:, new]

    def _closes(self, first: int, until: int) -> Floats:
        close = np.full((until - first, len(self._ends)), np.nan)
        for month in sorted(set(months_of(self._grid.days[first:until]).tolist())):
            rows = self._bars.month(month)
            session, symbol = rows["session"].to_numpy(), rows["symbol"].to_numpy()
            inside = (session >= first) & (session < until)
            # Of several revisions the last one counts: the newest.
            close[session[inside] - first, symbol[inside]] = rows["close"].fill_null(np.nan).to_numpy()[inside]
        return close


def known_renames(actions: pl.DataFrame, grid: SessionGrid, listing: Listing) -> list[tuple[int, int, int, bool]]:
    """Renamed securities.

    Returns:
        The ordinal of the first session under the new symbol, the codes of the old and the new one, and whether that
        was known at that session's own cut-off. The latest come first, so that a security that was renamed twice is
        followed to its last symbol.
    """
    if "rests_on" not in actions.columns:
        return []
    known = known_rows(actions.filter(pl.col("kind") == RENAMED).rename({"ex_session": "session"}), grid)
    since = grid.columns(days_of(known["session"])).tolist()
    old, new = listing.codes(known["rests_on"]).tolist(), listing.codes(known["symbol"]).tolist()
    in_time = (known["knowledge_time"].cast(pl.Int64).to_numpy() <= grid.cut_offs[since]).tolist()
    listed = (rename for rename in zip(since, old, new, in_time, strict=True) if min(rename[1:3]) >= 0)
    return sorted(listed, reverse=True)


def known_taken(actions: pl.DataFrame, grid: SessionGrid, listing: Listing) -> list[tuple[int, int]]:
    """Ordinal and code of each session from which on a symbol stands for another security."""
    parted = known_rows(part_series(actions).rename({"ex_session": "session"}), grid)
    rows = parted.filter(pl.col("kind") == REUSED).select("symbol", "session").unique()
    since, codes = grid.columns(days_of(rows["session"])).tolist(), listing.codes(rows["symbol"]).tolist()
    return sorted((ordinal, code) for ordinal, code in zip(since, codes, strict=True) if code >= 0)


def known_factors(actions: pl.DataFrame, grid: SessionGrid, listing: Listing) -> tuple[Ints, Ints, Floats]:
    """Ordinal, code and factor of each (symbol, ex-session), as believed at the cut-off of the last session.

    The newest belief replaces those before it, whatever their kind; a split and another action that became known
    together count both.

    Raises:
        PermanentError: an action lies on a day that is no session.
    """
    key = ["symbol", "session"]
    known = known_rows(part_series(actions).rename({"ex_session": "session"}), grid)
    newest = (
        known.with_columns(split=pl.col("kind") == "split")
        .filter(pl.col("knowledge_time") == pl.col("knowledge_time").max().over(key))
        .sort("factor")
        .unique([*key, "split"], keep="last")
        .group_by(key)
        .agg(pl.col("factor").product())
    )
    codes = listing.codes(newest["symbol"])
    listed = codes >= 0
    ordinals = grid.columns(days_of(newest["session"]))
    return ordinals[listed], codes[listed], newest["factor"].to_numpy()[listed]
