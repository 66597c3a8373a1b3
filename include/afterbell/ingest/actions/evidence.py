"""What one drop of bars shows that is worth remembering: adjustments, large moves of the traded price, exact repeats.

A drop carries a session and the one before it, so a pair of closes, traded and adjusted, can be compared within it::

    factor(t) = (adj(t-1) / close(t-1)) / (adj(t) / close(t))

is what the vendor says a price of t-1 must be multiplied with to compare with one of t: 0.5 for a split of two for one,
``(close - dividend) / close`` for a dividend. One drop alone can't tell on which session an action takes effect, since
the vendor may show it early, late or twice; ``afterbell.ingest.actions.decide`` does, from the evidence of several
drops. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from afterbell.ingest.actions.inference import split_from_price
from afterbell.ingest.actions.ratios import FAR_FROM_ONE

HALF_CENT = 0.005
"""The vendor writes adjusted prices to the cent."""

LARGE_MOVE = 1.1
"""A close more than this many times the close before, or less than one over it, is remembered: it can fit a split."""

_SESSIONS = 2
_FEW = 1000
"""Up to so many rows, looking for the bars of a symbol one way is quicker than two."""
_BAR = ("open", "high", "low", "close", "volume", "adj_close")
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "session": pl.Date,
    "previous_session": pl.Date,
    "factor": pl.Float64,
    "blur": pl.Float64,
    "close_before": pl.Float64,
    "volume_before": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Int64,
    "unchanged": pl.Boolean,
}
EVIDENCE = pl.Schema(_COLUMNS)
"""One drop about one symbol: the session and the one before it, the vendor's factor between them (1.0 where it shows
none), how far rounding can have moved it, traded prices and shares, and whether the bar repeats the one before.

``blur`` is null for a newcomer: the drop has no bar of the symbol for the session before, so the vendor says nothing.
Its ``close_before`` and ``volume_before`` are null until ``fill_before`` finds them in the lake."""


def show(rows: pl.DataFrame, *, everything: bool | pl.Expr = False) -> pl.DataFrame:
    """The rows of a drop, or of several, that are worth remembering.

    Args:
        rows: accepted bars of one drop: symbol, session, OHLCV and, where the vendor gives one, adj_close; at most one
            row a symbol and session. Of several drops with ``drop`` (UInt32), which numbers them.
        everything: remember quiet rows too. For a drop that replaces an earlier version of itself, so that it can
            take back what that one showed. Of several drops a condition of ``drop``.

    Returns:
        ``EVIDENCE``, sorted by symbol; nothing of a drop that doesn't carry exactly two sessions. Of several drops with
        ``drop``, sorted by that first.
    """
    newcomer = pl.col("blur").is_null()
    loud = (pl.col("factor") != 1.0) | _moved(LARGE_MOVE) | pl.col("unchanged") | newcomer
    order = ["drop", "symbol"] if "drop" in rows.columns else ["symbol"]
    return _pairs(rows, how="left").filter(loud | everything).sort(order)


def told_late(bars: pl.DataFrame, previous: Mapping[date, date]) -> pl.DataFrame:
    """Newcomers among bars that their own session's drop lacks, and a later one brought.

    The vendor may lose a symbol for the very session on which its shares are put together.

    Args:
        bars: new rows of ``market.bars``: symbol, session, OHLCV, knowledge_time (UTC), revision, drop_id.
        previous: the session before each session, by the exchange's calendar.

    Returns:
        ``EVIDENCE`` with knowledge_time and drop_id, one row for each first revision whose drop is of another session.
    """
    drops = bars["drop_id"].unique()
    days_of = drops.str.extract(r":(\d{8}):").str.to_date("%Y%m%d", strict=False)
    own = pl.col("drop_id").replace_strict(drops, days_of, return_dtype=pl.Date) == pl.col("session")
    late = bars.filter((pl.col("revision") == 0) & ~own)
    days = pl.DataFrame(
        {"session": list(previous), "previous_session": list(previous.values())},
        schema={"session": pl.Date, "previous_session": pl.Date},
    )
    unknown = {name: pl.lit(None, _COLUMNS[name]) for name in ("blur", "close_before", "volume_before")}
    found = late.join(days, on="session", how="inner").with_columns(factor=1.0, unchanged=False, **unknown)
    return found.select(*EVIDENCE, "knowledge_time", "drop_id").sort("session", "symbol")


def newcomers(evidence: pl.DataFrame) -> pl.DataFrame:
    """Which bars ``fill_before`` needs: symbol and session (Date), without repeats."""
    waiting = evidence.filter(pl.col("close_before").is_null())
    return waiting.select("symbol", session="previous_session").unique(maintain_order=True)


def fill_before(evidence: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Newcomers with the bar that the lake has of the session before; the others as they are.

    The vendor loses a symbol's past when its security number changes, as a reverse split makes it do.

    Args:
        evidence: ``EVIDENCE`` with knowledge_time (UTC).
        bars: rows of ``market.bars`` at ``newcomers``: symbol, session, close, volume, knowledge_time, revision.

    Returns:
        The same columns. A newcomer takes the newest revision known when it became known; one that has none, as on its
        first day of trading, or that moved by no more than usual, is left out.
    """
    waiting = evidence.with_row_index("_row").filter(pl.col("close_before").is_null())
    past = bars.select(
        "symbol", "revision", previous_session="session", _close="close", _volume="volume", _known="knowledge_time"
    )
    known = waiting.join(past, on=["symbol", "previous_session"], how="inner")
    known = known.filter(pl.col("_known") <= pl.col("knowledge_time")).sort("_known", "revision")
    newest = known.unique("_row", keep="last", maintain_order=True)
    filled = newest.with_columns(close_before="_close", volume_before="_volume").filter(_moved(LARGE_MOVE))
    others = evidence.filter(pl.col("close_before").is_not_null())
    return pl.concat([others, filled.select(others.columns)])


def restated(evidence: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Evidence anew of the bars in which the price alone shows a split, where a later drop told them otherwise.

    A bad last print can look like a split; the drop that puts it right is quiet, so it leaves no evidence of its own.

    Args:
        evidence: ``EVIDENCE`` with knowledge_time (UTC) and drop_id, the lake's and the run's.
        bars: revisions: symbol, session, OHLCV, knowledge_time, revision, drop_id.

    Returns:
        The columns of ``evidence``: such a row once more for each later revision of its bar, with that one's prices.
    """
    alone = evidence.filter((pl.col("factor") == 1.0) & _moved(LARGE_MOVE))
    shown = [split_from_price(**row) is not None for row in alone.select(_INFERRED_FROM).iter_rows(named=True)]
    judged = alone.filter(pl.Series(shown, dtype=pl.Boolean))
    judged = judged.sort("knowledge_time").unique(["symbol", "session"], keep="first", maintain_order=True)
    prices = ("open", "high", "low", "close", "volume")
    first = judged.rename({"knowledge_time": "_known"}).drop(*prices, "drop_id")
    later = bars.filter(pl.col("revision") > 0).select("symbol", "session", *prices, "knowledge_time", "drop_id")
    found = first.join(later, on=["symbol", "session"], how="inner").filter(pl.col("knowledge_time") > pl.col("_known"))
    return found.select(evidence.columns).sort("knowledge_time", "symbol", "session")


def with_context(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` in their order, with what the drop itself says about the session before.

    Returns:
        The rows with ``previous_close`` (Float64, dollars as traded, null where the drop has no bar of the session
        before), ``adjustment`` (Float64: the vendor's factor where the price agrees with it, that of a split which the
        price alone shows, otherwise 1.0) and ``unchanged`` (Boolean: open, high, low, close and volume equal those of
        the session before, and shares were traded).
    """
    believed = pl.when(_agrees()).then(pl.col("factor")).otherwise(1.0)
    pairs = _pairs(rows, how="inner").with_columns(adjustment=believed)
    # Few rows move so far that a split might show in the price alone.
    alone = pairs.filter((pl.col("adjustment") == 1.0) & _moved(1.5))
    inferred = [split_from_price(**row) or 1.0 for row in alone.select(_INFERRED_FROM).iter_rows(named=True)]
    splits = alone.lazy().select("symbol", "session", _inferred=pl.Series(inferred, dtype=pl.Float64))
    key = ["symbol", "session"]
    told = pairs.lazy().select(*key, "unchanged", "adjustment", previous_close="close_before")
    seen = rows.lazy().join(told, on=key, how="left", maintain_order="left")
    seen = seen.join(splits, on=key, how="left", maintain_order="left")
    adjustment = pl.coalesce("_inferred", "adjustment", 1.0).alias("adjustment")
    return seen.with_columns(adjustment, pl.col("unchanged").fill_null(value=False)).drop("_inferred").collect()


_INFERRED_FROM = ("close_before", "volume_before", "open", "high", "low", "close", "volume")


def stale_runs(evidence: pl.DataFrame, limit: int) -> pl.DataFrame:
    """Bars that repeat the bar before them for the ``limit``-th session in a row, or a later one.

    Args:
        evidence: ``EVIDENCE`` rows, any order; of several about a symbol and session the last one counts.
        limit: repeats, 1 or more: with 5 the sixth equal bar is the first one returned.

    Returns:
        symbol, session (Date) and run (UInt32, repeats so far), sorted by symbol and session.
    """
    rows = evidence.unique(["symbol", "session"], keep="last", maintain_order=True).filter("unchanged")
    rows = rows.sort("symbol", "session")
    follows = (pl.col("previous_session") == pl.col("session").shift(1)).over("symbol").fill_null(value=False)
    rows = rows.with_columns(streak=(~follows).cum_sum().over("symbol"))
    run = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("symbol", "streak")
    return rows.with_columns(run=run).filter(pl.col("run") >= limit).select("symbol", "session", "run")


def _pairs(rows: pl.DataFrame, how: Literal["inner", "left"]) -> pl.DataFrame:
    """Bars of the newer session with those before, as ``EVIDENCE``, and ``drop`` where ``rows`` have it.

    ``how`` is inner, or left to keep newcomers.
    """
    several = "drop" in rows.columns
    rows = rows if several else rows.with_columns(drop=pl.lit(0, pl.UInt32))
    rows = rows if "adj_close" in rows.columns else rows.with_columns(adj_close="close")
    sessions = rows.lazy().select("drop", "session").unique().group_by("drop")
    # A drop without the session before compares nothing.
    comparing = sessions.agg(pl.len(), previous_session=pl.col("session").min()).filter(pl.col("len") == _SESSIONS)
    pairs = _side_by_side(rows.select("drop", "symbol", "session", *_BAR), comparing.collect().drop("len"), how)
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in _BAR[:5])
    found = pairs.with_columns(
        factor=(pl.col("adj_close_before") / pl.col("close_before")) / (pl.col("adj_close") / pl.col("close")),
        unchanged=(same & (pl.col("volume") > 0)).fill_null(value=False),
    )
    columns = [*EVIDENCE, *(["drop"] if several else [])]
    return found.with_columns(_blur()).with_columns(_shown()).select(columns).collect()


def _side_by_side(rows: pl.DataFrame, comparing: pl.DataFrame, how: Literal["inner", "left"]) -> pl.LazyFrame:
    """Each newer bar with the one before, whose columns end in ``_before``, and ``previous_session``."""
    before = [pl.col(name).alias(f"{name}_before") for name in _BAR]
    found, rest = _beside(rows, before) if rows.height > _FEW else (None, rows)
    told = rest.lazy().join(comparing.lazy(), on="drop", how="inner")
    newer = pl.col("session") > pl.col("previous_session")
    olds = told.filter(~newer).select("drop", "symbol", *before)
    pairs = told.filter(newer).join(olds, on=["drop", "symbol"], how=how)
    if found is None:
        return pairs
    return pl.concat([found.lazy().join(comparing.lazy(), on="drop", how="inner"), pairs], how="diagonal")


def _beside(rows: pl.DataFrame, before: list[pl.Expr]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs of bars that stand one after the other, as vendors mostly write them, and all other rows."""
    rows = rows.rechunk()
    here, after = pl.col("drop", "symbol"), pl.col("drop", "symbol").shift(-1)
    first = rows.select(pl.all_horizontal(here == after).fill_null(value=False)).to_series().arg_true().to_numpy()
    newer_first = (rows["session"].gather(first) > rows["session"].gather(first + 1)).to_numpy()
    newer, older = np.where(newer_first, first, first + 1), np.where(newer_first, first + 1, first)
    single = np.ones(rows.height, np.bool_)
    single[newer] = single[older] = False
    return rows[newer].hstack(rows[older].select(before)), rows.filter(pl.Series(single))


def _blur() -> pl.Expr:
    # An adjusted close that equals the close is exact; any other was rounded to the cent.
    first, second = (
        pl.when(pl.col(adj) == pl.col(close)).then(0.0).otherwise(HALF_CENT / pl.col(adj))
        for adj, close in (("adj_close_before", "close_before"), ("adj_close", "close"))
    )
    return ((first + second) * pl.col("factor") + 1e-9).alias("blur")


def _shown() -> pl.Expr:
    factor = pl.col("factor")
    return pl.when((factor - 1).abs() > pl.col("blur")).then(factor).otherwise(1.0).alias("factor")


def _moved(times: float) -> pl.Expr:
    return (pl.col("close") / pl.col("close_before")).log().abs() > pl.lit(times).log()


def _agrees() -> pl.Expr:
    """Whether the price moved nearer to the vendor's factor than to nothing, at the open or by the close."""
    factor = pl.col("factor")
    moves = (pl.col(price) / pl.col("close_before") for price in ("open", "close"))
    near = pl.any_horizontal((move / factor).log().abs() < move.log().abs() for move in moves)
    return near | ((factor - 1).abs() <= FAR_FROM_ONE)
