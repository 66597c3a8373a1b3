"""Evidence in one drop of bars: adjustments, large moves of the traded price, exact repeats.

A drop carries a session and the one before it, so a pair of closes, traded and adjusted, can be compared within it::

    factor(t) = (adj(t-1) / close(t-1)) / (adj(t) / close(t))

is the vendor's factor by which a price of t-1 must be multiplied to compare with one of t: 0.5 for a split of two for
one, ``(close - dividend) / close`` for a dividend. One drop alone can't show on which session an action takes effect,
since the vendor may show it early, late or twice; ``afterbell.ingest.actions.decide`` finds it, from the evidence of
several drops. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, TypeVar

import numpy as np
import polars as pl

from afterbell.ingest.actions.inference import Reading, split_from_price
from afterbell.ingest.actions.ratios import FAR_FROM_ONE, WEIGHTY

HALF_CENT = 0.005
"""The vendor writes adjusted prices to the cent."""

LARGE_MOVE = 1.1
"""A close more than this many times the close before, or less than one over it, is remembered: it can fit a split."""

_SESSIONS = 2
_FEW = 1000
"""Up to this many rows, finding the bars of a symbol by one method is quicker than by two."""
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
    "volume_told": pl.Int64,
}
EVIDENCE = pl.Schema(_COLUMNS)
"""One drop about one symbol: the session and the one before it, the vendor's factor between them (1.0 where it shows
none), how far rounding can have moved it, traded prices and shares, and whether the bar repeats the one before.

``blur`` is null for a newcomer: the drop has no bar of the symbol for the session before, so it has no factor.
Its ``close_before`` and ``volume_before`` are null until ``fill_before`` finds them in the lake; so are those of a drop
that carries no session before at all. ``volume_told`` is what an earlier drop gave as ``volume_before``, null where the
factor is too near to 1 for it to matter, or nothing was known: a vendor that counts in new shares has multiplied it
since."""


def show(
    rows: pl.DataFrame, *, everything: bool | pl.Expr = False, previous: Mapping[date, date] | None = None
) -> pl.DataFrame:
    """The rows of a drop, or of several, that are worth remembering.

    Args:
        rows: accepted bars of one drop: symbol, session, OHLCV and, where the vendor gives one, adj_close; at most one
            row a symbol and session. Of several drops with ``drop`` (UInt32), which numbers them.
        everything: remember quiet rows too. For a drop that replaces an earlier version of itself, so that it can
            take back what that one showed. Of several drops a condition of ``drop``.
        previous: the session before each session, by the exchange's calendar. Bars of a drop that carries one session
            alone are compared with what the lake has of that one; without the calendar they show nothing.

    Returns:
        ``EVIDENCE``, sorted by symbol. Of several drops with ``drop``, sorted by that first.
    """
    newcomer = pl.col("blur").is_null()
    loud = (pl.col("factor") != 1.0) | _moved(LARGE_MOVE) | pl.col("unchanged") | newcomer
    order = ["drop", "symbol"] if "drop" in rows.columns else ["symbol"]
    evidence = _pairs(rows, how="left").filter(loud | everything)
    if previous:
        evidence = pl.concat([evidence, _alone(rows, previous).select(evidence.columns)])
    return evidence.sort(order)


def _alone(rows: pl.DataFrame, previous: Mapping[date, date]) -> pl.DataFrame:
    """Bars of drops that carry one session, waiting for the bar before: nothing claimed, and nothing lost."""
    several = "drop" in rows.columns
    rows = rows if several else rows.with_columns(drop=pl.lit(0, pl.UInt32))
    single = rows.group_by("drop").agg(pl.col("session").n_unique().alias("sessions")).filter(pl.col("sessions") == 1)
    bars = rows.join(single, on="drop", how="semi").join(_calendar(previous), on="session", how="inner")
    return bars.with_columns(*_UNKNOWN, factor=1.0, blur=0.0, unchanged=False)


_UNKNOWN = [pl.lit(None, _COLUMNS[name]).alias(name) for name in ("close_before", "volume_before", "volume_told")]
"""What ``fill_before`` will find of the session before."""


def _calendar(previous: Mapping[date, date]) -> pl.DataFrame:
    days = {"session": list(previous), "previous_session": list(previous.values())}
    return pl.DataFrame(days, schema={"session": pl.Date, "previous_session": pl.Date})


DropIds = TypeVar("DropIds", pl.Series, pl.Expr)


def drop_session(drop_ids: DropIds) -> DropIds:
    """The session of each drop, from its id (Date)."""
    return drop_ids.str.extract(r":(\d{8}):").str.to_date("%Y%m%d", strict=False)


def late_bars(bars: pl.DataFrame, previous: Mapping[date, date]) -> pl.DataFrame:
    """Newcomers among bars that their own session's drop lacks and a later one delivers.

    The vendor may lose a symbol for the very session on which its shares are put together.

    Args:
        bars: new rows of ``market.bars``: symbol, session, OHLCV, knowledge_time (UTC), revision, drop_id.
        previous: the session before each session, by the exchange's calendar.

    Returns:
        ``EVIDENCE`` with knowledge_time and drop_id, one row for each first revision whose drop is of another session.
    """
    drops = bars["drop_id"].unique()
    days_of = drop_session(drops)
    own = pl.col("drop_id").replace_strict(drops, days_of, return_dtype=pl.Date) == pl.col("session")
    late = bars.filter((pl.col("revision") == 0) & ~own)
    return _waiting(late, previous, newcomer=True)


def restated_bars(bars: pl.DataFrame, known: pl.DataFrame, previous: Mapping[date, date]) -> pl.DataFrame:
    """Bars whose close a later drop has changed, by as much as would be remembered.

    A last print may look like a split, or hide one; the drop that corrects it shows no move.

    Args:
        bars: new rows of ``market.bars``: symbol, session, OHLCV, knowledge_time (UTC), revision, drop_id.
        known: the revisions before them, among which those of ``bars`` may be: symbol, session, revision, close.
        previous: the session before each session, by the exchange's calendar.

    Returns:
        ``EVIDENCE`` with knowledge_time and drop_id, with no more than the bar itself.
    """
    before = known.select("symbol", "session", pl.col("revision") + 1, _earlier="close")
    later = bars.filter(pl.col("revision") > 0).join(before, on=["symbol", "session", "revision"], how="inner")
    moved = (pl.col("close") / pl.col("_earlier")).log().abs() > pl.lit(LARGE_MOVE).log()
    return _waiting(later.filter(moved), previous, newcomer=False)


def _waiting(bars: pl.DataFrame, previous: Mapping[date, date], *, newcomer: bool) -> pl.DataFrame:
    """Bars as evidence, without the bar before."""
    blur = pl.lit(None if newcomer else 0.0, pl.Float64)
    waiting = bars.join(_calendar(previous), on="session", how="inner")
    waiting = waiting.with_columns(*_UNKNOWN, factor=pl.lit(1.0), blur=blur, unchanged=pl.lit(value=False))
    return waiting.select(*EVIDENCE, "knowledge_time", "drop_id").sort("session", "symbol", "knowledge_time")


def missing_bars(evidence: pl.DataFrame) -> pl.DataFrame:
    """The bars that ``fill_before`` needs: symbol and session (Date), without repeats."""
    waiting = evidence.filter(pl.col("close_before").is_null() | _needs_volume())
    return waiting.select("symbol", session="previous_session").unique(maintain_order=True)


def fill_before(evidence: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Evidence with what the lake has of the session before.

    The vendor loses a symbol's past when its security number changes, as a reverse split makes it do; and some drops
    carry one session only.

    Args:
        evidence: ``EVIDENCE`` with knowledge_time (UTC).
        bars: rows of ``market.bars`` at ``missing_bars``: symbol, session, close, volume, knowledge_time, revision.

    Returns:
        The same columns. Where the bar before is missing, the newest revision known then is taken; evidence that has
        none, as on a first day of trading, or that moved by no more than usual, is left out. A weighty factor gets the
        ``volume_told`` that was known before its own drop.
    """
    rows = evidence.with_row_index("_row")
    past = bars.select(
        "symbol", "revision", previous_session="session", _close="close", _volume="volume", _known="knowledge_time"
    )
    waiting = rows.filter(pl.col("close_before").is_null())
    newest = _newest(waiting, past, pl.col("_known") <= pl.col("knowledge_time"))
    filled = newest.with_columns(close_before="_close", volume_before="_volume").filter(_moved(LARGE_MOVE))
    others = rows.filter(pl.col("close_before").is_not_null())
    earlier = _newest(others.filter(_needs_volume()), past, pl.col("_known") < pl.col("knowledge_time"))
    others = others.join(earlier.select("_row", "_volume"), on="_row", how="left", maintain_order="left")
    others = others.with_columns(volume_told=pl.coalesce("volume_told", "_volume"))
    return pl.concat([others.select(evidence.columns), filled.select(evidence.columns)])


def _needs_volume() -> pl.Expr:
    return ((pl.col("factor") - 1).abs() > WEIGHTY) & pl.col("volume_told").is_null()


def _newest(rows: pl.DataFrame, past: pl.DataFrame, known: pl.Expr) -> pl.DataFrame:
    """Each row with the newest bar of its session before that ``known`` holds for."""
    candidates = (
        rows.join(past, on=["symbol", "previous_session"], how="inner").filter(known).sort("_known", "revision")
    )
    return candidates.unique("_row", keep="last", maintain_order=True)


def restate(evidence: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Evidence restated wherever a bar that it rests on has changed.

    Args:
        evidence: ``EVIDENCE`` with knowledge_time (UTC) and drop_id, the lake's and the run's.
        changed: bars as ``late_bars`` and ``restated_bars`` give them.

    Returns:
        The columns of ``evidence``: each changed bar, with what was claimed for it before; and the evidence of the
        session after it, with that bar as the one before.
    """
    prices = ["open", "high", "low", "close", "volume", "knowledge_time", "drop_id"]
    seen = evidence.filter(pl.col("close_before").is_not_null()).with_columns(_known="knowledge_time")
    bars = changed.with_row_index("_row")
    own = bars.join(seen.drop(prices), on=["symbol", "session"], how="inner", suffix="_seen")
    own = own.filter(pl.col("_known") < pl.col("knowledge_time")).sort("_known", "_row", maintain_order=True)
    own = own.unique("_row", keep="last", maintain_order=True)
    claimed = [name for name in EVIDENCE if name not in {"symbol", "session", *prices}]
    replaced = own.with_columns(pl.col(f"{name}_seen").alias(name) for name in claimed)
    new = bars.join(own.select("_row"), on="_row", how="anti")
    before = bars.select(
        "_row", "symbol", "drop_id", "knowledge_time", previous_session="session", _close="close", _volume="volume"
    )
    after = seen.drop("drop_id", "knowledge_time").join(before, on=["symbol", "previous_session"], how="inner")
    after = after.filter(pl.col("_known") < pl.col("knowledge_time")).sort("_known", maintain_order=True)
    after = after.unique(["_row", "session"], keep="last", maintain_order=True)
    after = after.with_columns(close_before="_close", volume_before="_volume")
    columns = evidence.columns
    every = pl.concat([replaced.select(columns), new.select(columns), after.select(columns)])
    order = ["knowledge_time", "symbol", "session"]
    return every.unique(order, keep="first", maintain_order=True).sort(order, maintain_order=True)


def with_context(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` in their order, with what the drop itself shows of the session before.

    Args:
        rows: bars of one drop; of several drops with ``drop`` (UInt32), which numbers them.

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
    inferred = [_factor_of(split_from_price(**row)) for row in alone.select(_INFERRED_FROM).iter_rows(named=True)]
    key = [name for name in ("drop", "symbol", "session") if name in rows.columns]
    splits = alone.lazy().select(*key, _inferred=pl.Series(inferred, dtype=pl.Float64))
    context = pairs.lazy().select(*key, "unchanged", "adjustment", previous_close="close_before")
    seen = rows.lazy().join(context, on=key, how="left", maintain_order="left")
    seen = seen.join(splits, on=key, how="left", maintain_order="left")
    adjustment = pl.coalesce("_inferred", "adjustment", 1.0).alias("adjustment")
    return seen.with_columns(adjustment, pl.col("unchanged").fill_null(value=False)).drop("_inferred").collect()


def _factor_of(reading: Reading | None) -> float:
    return 1.0 if reading is None or reading.factor is None else reading.factor


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
    compared = pairs.with_columns(
        factor=(pl.col("adj_close_before") / pl.col("close_before")) / (pl.col("adj_close") / pl.col("close")),
        unchanged=(same & (pl.col("volume") > 0)).fill_null(value=False),
        volume_told=pl.lit(None, pl.Int64),
    )
    columns = [*EVIDENCE, *(["drop"] if several else [])]
    return compared.with_columns(_blur()).with_columns(_shown()).select(columns).collect()


def _side_by_side(rows: pl.DataFrame, comparing: pl.DataFrame, how: Literal["inner", "left"]) -> pl.LazyFrame:
    """Each newer bar with the one before, whose columns end in ``_before``, and ``previous_session``."""
    before = [pl.col(name).alias(f"{name}_before") for name in _BAR]
    adjacent, rest = _beside(rows, before) if rows.height > _FEW else (None, rows)
    others = rest.lazy().join(comparing.lazy(), on="drop", how="inner")
    newer = pl.col("session") > pl.col("previous_session")
    older = others.filter(~newer).select("drop", "symbol", *before)
    pairs = others.filter(newer).join(older, on=["drop", "symbol"], how=how)
    if adjacent is None:
        return pairs
    return pl.concat([adjacent.lazy().join(comparing.lazy(), on="drop", how="inner"), pairs], how="diagonal")


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
