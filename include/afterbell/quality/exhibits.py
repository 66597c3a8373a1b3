"""Bars of a run that a person should examine: unexplained moves, restated closes, and the bars beside each. Pure.

A run over years is examined a month at a time, and only what is shown is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from afterbell.lake.listings import is_factor
from afterbell.quality.moves import remaining_moves, unexplained

SHOWN = 60
"""Moves that are shown, and restated closes."""
BESIDE = 3
"""Sessions shown on either side."""
RESTATED_BY = 0.05
"""A close that a later drop changes by more than this (a difference of logarithms)."""

RESTATED = (
    "symbol", "session", "first_close", "close", "ratio", "dollars", "first_drop", "drop_id", "knowledge_time",
)  # fmt: skip
"""Of a restated close: the first and the last value delivered, the last over the first, dollars traded by the last,
both drops, and when the last one became known."""

BESIDES = ("symbol", "session", "open", "high", "low", "close", "volume", "factor", "revision", "first_close")
"""Of the bars beside: the newest revision as traded, the factor believed for the session, how often the bar was
changed, and the close that was delivered first."""

_KEY = ["symbol", "session"]


def restated_closes(bars: pl.DataFrame, drops: Collection[str]) -> pl.DataFrame:
    """Closes that one of ``drops`` delivers and that differ from the first drop's by more than ``RESTATED_BY``.

    Args:
        bars: rows of ``market.bars``, all revisions.
        drops: ids of the new drops.

    Returns:
        ``RESTATED``, those with the most dollars first.
    """
    several = bars.filter(pl.col("revision") > 0).select(_KEY).unique()
    revisions = bars.join(several, on=_KEY, how="semi").sort(*_KEY, "knowledge_time", "revision")
    first = revisions.unique(_KEY, keep="first").select(*_KEY, first_close="close", first_drop="drop_id")
    newest = revisions.unique(_KEY, keep="last").filter(pl.col("drop_id").is_in(list(drops)))
    closes = newest.join(first, on=_KEY, how="inner").with_columns(
        ratio=pl.col("close") / pl.col("first_close"), dollars=pl.col("close") * pl.col("volume")
    )
    moved = pl.col("ratio").is_finite() & (pl.col("ratio") > 0) & (pl.col("ratio").log().abs() > RESTATED_BY)
    return closes.filter(moved).sort("dollars", *_KEY, descending=[True, False, False]).select(RESTATED)


def bars_beside(
    bars: pl.DataFrame, actions: pl.DataFrame, keys: pl.DataFrame, calendar: Sequence[date]
) -> pl.DataFrame:
    """The bars of each symbol of ``keys`` in the sessions around its own.

    Args:
        bars: rows of ``market.bars``, all revisions.
        actions: rows of ``market.corporate_actions``.
        keys: symbol, session.
        calendar: sessions, ascending and without a gap.

    Returns:
        ``BESIDES``, sorted by symbol and session, without repeats.
    """
    place = pl.DataFrame({"session": list(calendar)}, schema={"session": pl.Date}).with_row_index("at")
    steps = pl.DataFrame({"step": list(range(-BESIDE, BESIDE + 1))})
    position = pl.col("at").cast(pl.Int64)
    near = (
        keys.join(place, on="session", how="inner").join(steps, how="cross").with_columns(at=position + pl.col("step"))
    )
    neighbours = near.select("symbol", "at").unique().join(place.with_columns(at=position), on="at", how="inner")
    revisions = bars.join(neighbours.select(_KEY), on=_KEY, how="semi").sort(*_KEY, "knowledge_time", "revision")
    first = revisions.unique(_KEY, keep="first").select(*_KEY, first_close="close")
    believed = actions.filter(is_factor()).sort("knowledge_time").unique(["symbol", "ex_session"], keep="last")
    factors = believed.select("symbol", "factor", session="ex_session")
    newest = revisions.unique(_KEY, keep="last").join(first, on=_KEY).join(factors, on=_KEY, how="left")
    return newest.select(BESIDES).sort(_KEY)


class Exhibits:
    """Collects the exhibits, a stretch of sessions at a time, in order.

    Args:
        actions: rows of ``market.corporate_actions`` of all the sessions.
        drops: ids of the drops that the run brings.
        keys: symbol and session of more bars to be shown with those beside them, such as held ones.
    """

    def __init__(self, actions: pl.DataFrame, drops: Collection[str], keys: pl.DataFrame) -> None:
        self._actions, self._drops, self._more = actions, drops, keys
        self._moves: list[pl.DataFrame] = []
        self._restated: list[pl.DataFrame] = []
        self._bars: list[pl.DataFrame] = []

    def add(
        self, bars: pl.DataFrame, calendar: Sequence[date], near: Sequence[date], uncompared: pl.DataFrame
    ) -> pl.DataFrame:
        """Examine a stretch; its last sessions are examined again with the next one, which has the bars after them.

        Args:
            bars: all revisions of ``calendar``.
            calendar: sessions, ascending and without a gap.
            near: the end of it: ``BESIDE`` sessions before the first that the run brings, and those from there on.
            uncompared: symbol and session of bars whose drop had nothing of the session before.

        Returns:
            As ``afterbell.quality.moves.remaining_moves``, from the session before the first one on.
        """
        judged = pl.col("session").is_in(near[min(BESIDE - 1, len(near) - 1) :])
        inside = bars.filter(pl.col("session").is_in(list(near)))
        moves = remaining_moves(inside, self._actions, near, uncompared).filter(judged)
        self._moves.append(unexplained(moves, moves.height))
        self._restated.append(restated_closes(inside, self._drops).filter(judged))
        keys = [frame.select(_KEY) for frame in (self.moves(), self.restated(), self._more)]
        self._bars.append(bars_beside(bars, self._actions, pl.concat(keys).unique(), calendar))
        return moves

    def moves(self) -> pl.DataFrame:
        """``WEIGHTY``: unexplained moves, the most dollars first."""
        return _heaviest(self._moves)

    def restated(self) -> pl.DataFrame:
        """``RESTATED``."""
        return _heaviest(self._restated)

    def bars(self) -> pl.DataFrame:
        """``BESIDES`` of all that is shown."""
        return pl.concat(self._bars).unique(_KEY, keep="last").sort(_KEY)

    def counts(self) -> dict[str, int]:
        """How many unexplained moves and restated closes there are: those that are not shown, too."""
        return {"moves": _without_repeats(self._moves).height, "restated": _without_repeats(self._restated).height}


def _without_repeats(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).unique(_KEY, keep="last", maintain_order=True)


def _heaviest(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return _without_repeats(frames).sort("dollars", *_KEY, descending=[True, False, False]).head(SHOWN)
