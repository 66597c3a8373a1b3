"""The largest adjusted moves that are left, each with the reason it is believed, or isn't. Pure.

A return is only as good as the action behind it, so a report names the moves that no action explains. The reasons are
rules over what the lake has. The first one that holds is given: those that question the bar come before those that
explain the move.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from afterbell.ingest.actions.decide import UNDECIDED as NO_RATIO
from afterbell.lake.listings import REUSED, is_factor

COLUMNS = ("symbol", "session", "close_before", "close", "factor", "return", "volume_ratio", "reason")
"""Columns of the result: closes in dollars as traded, the factor believed, close / (close before * factor) - 1, and
shares over those of the session before, times the factor of a split."""

WEIGHTY = (
    "symbol", "session", "close_before", "close", "volume_before", "volume", "dollars", "factor", "return", "reason",
)  # fmt: skip
"""The same with shares of both sessions, and the dollars traded in the session: close times shares."""

ANOTHER = "the symbol stands for another security from this session on"
GAP = "no bar for sessions in between: traded again, or a symbol used again"
RESTATED = "a close that a later drop changed by more than 5 %"
UNDECIDED = "a split by price and shares, whose ratio cannot be distinguished from its neighbours"
DISAGREES = "the vendor shows a factor that the price does not bear out"
NEWCOMER = "no drop has both sessions: another listing, another security number, or a drop amiss"
REVERSED = "undone by the session after it: a bad print, or one bar in other units"
BACK = "undoes the session before it: a bad print, or one bar in other units"
NO_TRADES = "no share traded on one of the two sessions: an old price beside a new one"
PENNY = "a price below a dollar: a tick is a large move"
THIN = "hardly traded: less than 50,000 dollars"
SPIN_OFF = "falls as on a distribution: narrow range, no unusual volume; the vendor shows none"
NEWS = "news: at least four times the shares of the session before"
UNCONFIRMED = "confirmed by nothing but the bars themselves"
REASONS = (
    ANOTHER, GAP, UNDECIDED, RESTATED, DISAGREES, NEWCOMER, REVERSED, BACK, NO_TRADES, PENNY, THIN, SPIN_OFF, NEWS,
    UNCONFIRMED,
)  # fmt: skip

LARGE = 0.4
"""A return beyond this, up or down, that no action explains should be examined by a person."""

_FAR = 0.18
_RESTATED_BY = 0.05
_UNDONE = 0.15
_THIN_DOLLARS = 50_000
_HEAVY = 4.0
_NARROW = 1.1
_FALL = 0.85

_KEY = ["symbol", "session"]
_DOLLARS = pl.col("close") * pl.col("volume")


def largest_moves(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    calendar: Sequence[date],
    *,
    newcomers: pl.DataFrame | None = None,
    limit: int = 40,
) -> pl.DataFrame:
    """The moves furthest from none, after adjustment for everything believed.

    Args:
        bars: rows of ``market.bars``, all revisions: symbol, session, OHLCV, knowledge_time, revision.
        actions: rows of ``market.corporate_actions``: symbol, ex_session, factor, kind, knowledge_time; ``basis`` too
            where it is known.
        calendar: the exchange's sessions that ``bars`` cover, ascending and without a gap.
        newcomers: symbol and session (Date) of bars whose drop had nothing of the session before, as the lake's
            evidence with a null ``blur`` has them.
        limit: most rows.

    Returns:
        ``COLUMNS``, the furthest first.
    """
    return furthest(remaining_moves(bars, actions, calendar, newcomers), limit)


def furthest(moves: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The moves furthest from none: ``COLUMNS`` of ``remaining_moves``."""
    return _with_reason(moves.sort(pl.col("move").log().abs(), "symbol", descending=[True, False]).head(limit), COLUMNS)


def unexplained(moves: pl.DataFrame, limit: int) -> pl.DataFrame:
    """Returns beyond ``LARGE``, those with the most dollars traded first: ``WEIGHTY`` of ``remaining_moves``."""
    large = moves.filter((pl.col("move") - 1).abs() > LARGE).with_columns(dollars=_DOLLARS)
    return _with_reason(large.sort("dollars", "symbol", descending=[True, False]).head(limit), WEIGHTY)


def _with_reason(moves: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    explained = moves.with_columns((pl.col("move") - 1).alias("return"), reason=_reason())
    return explained.select(columns)


def remaining_moves(
    bars: pl.DataFrame, actions: pl.DataFrame, calendar: Sequence[date], newcomers: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Every bar with one before it, and the move that is left after adjustment; ``largest_moves`` has the arguments."""
    moves = _moves(bars, actions, calendar)
    lost = newcomers.select(_KEY).unique() if newcomers is not None else moves.select(_KEY).head(0)
    moves = moves.join(lost.with_columns(lost=pl.lit(value=True)), on=_KEY, how="left")
    return moves.filter(pl.col("move").is_finite())


def _moves(bars: pl.DataFrame, actions: pl.DataFrame, calendar: Sequence[date]) -> pl.DataFrame:
    """Newest revisions beside the bars before and after them."""
    place = pl.DataFrame({"session": list(calendar)}, schema={"session": pl.Date}).with_row_index("place")
    revisions = bars.sort(*_KEY, "knowledge_time", "revision")
    first = revisions.unique(_KEY, keep="first").select(*_KEY, first_close="close")
    newest = revisions.unique(_KEY, keep="last").join(first, on=_KEY).join(place, on="session", how="inner").sort(_KEY)
    taken = actions.filter(pl.col("kind") == REUSED).select("symbol", session="ex_session").unique()
    believed = actions.filter(is_factor()).sort("knowledge_time").unique(["symbol", "ex_session"], keep="last")
    basis = pl.col("basis") if "basis" in believed.columns else pl.lit(None, pl.String).alias("basis")
    believed = believed.select("symbol", "kind", "factor", basis, session="ex_session")
    rows = newest.join(believed, on=_KEY, how="left", maintain_order="left").with_columns(
        pl.col("factor").fill_null(1.0)
    )
    rows = rows.join(taken.with_columns(taken=pl.lit(value=True)), on=_KEY, how="left", maintain_order="left")
    before = {f"{name}_before": _beside(name, 1) for name in ("close", "first_close", "volume", "place")}
    split = pl.when(pl.col("kind") == "split").then(pl.col("factor")).otherwise(1.0)
    moves = rows.with_columns(**before).with_columns(
        move=pl.col("close") / (pl.col("close_before") * pl.col("factor")),
        volume_ratio=pl.when(pl.col("volume_before") > 0).then(pl.col("volume") * split / pl.col("volume_before")),
    )
    return moves.with_columns(move_before=_beside("move", 1), move_after=_beside("move", -1)).drop_nulls("move")


def _beside(name: str, places: int) -> pl.Expr:
    """The value of the same symbol's row so many places before, in rows sorted by symbol."""
    same = pl.col("symbol") == pl.col("symbol").shift(places)
    return pl.when(same).then(pl.col(name).shift(places))


def _reason() -> pl.Expr:
    close, factor, move = pl.col("close"), pl.col("factor"), pl.col("move")
    undone = [(move * pl.col(name)).log().abs() < _UNDONE for name in ("move_after", "move_before")]
    restated = pl.any_horizontal(
        (pl.col(f"first_{name}") / pl.col(name)).log().abs() > _RESTATED_BY for name in ("close", "close_before")
    )
    narrow = pl.col("high") <= pl.col("low") * _NARROW
    checks = {
        ANOTHER: pl.col("taken"),
        GAP: pl.col("place") != pl.col("place_before") + 1,
        UNDECIDED: pl.col("basis") == NO_RATIO,
        RESTATED: restated,
        DISAGREES: ((factor - 1).abs() > _FAR) & (move.log().abs() > 0.4),
        NEWCOMER: pl.col("lost"),
        REVERSED: undone[0],
        BACK: undone[1],
        NO_TRADES: (pl.col("volume") == 0) | (pl.col("volume_before") == 0),
        PENNY: pl.min_horizontal(close, pl.col("close_before") * factor) < 1.0,
        THIN: close * pl.col("volume") < _THIN_DOLLARS,
        SPIN_OFF: (move < _FALL) & narrow & (pl.col("volume_ratio") < _HEAVY + 2),
        NEWS: pl.col("volume_ratio") >= _HEAVY,
    }
    chosen = [pl.when(check.fill_null(value=False)).then(pl.lit(reason)) for reason, check in checks.items()]
    return pl.coalesce(*chosen, pl.lit(UNCONFIRMED))
