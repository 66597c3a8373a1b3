"""What one drop of bars shows that is worth remembering: adjustments, large moves of the traded price, exact repeats.

A drop carries a session and the one before it, so a pair of closes, traded and adjusted, can be compared within it::

    factor(t) = (adj(t-1) / close(t-1)) / (adj(t) / close(t))

is what the vendor says a price of t-1 must be multiplied with to compare with one of t: 0.5 for a split of two for one,
``(close - dividend) / close`` for a dividend. One drop alone can't tell on which session an action takes effect, since
the vendor may show it early, late or twice; ``afterbell.ingest.actions`` decides that from the evidence of several
drops. Pure.
"""

from __future__ import annotations

import polars as pl

from afterbell.ingest.ratios import nearest_ratio

HALF_CENT = 0.005
"""The vendor writes adjusted prices to the cent."""

LARGE_MOVE = 1.18
"""A close this many times the close before, or one over it, is remembered: 6:5 moves a price by more."""

EVIDENCE = pl.Schema(
    {
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
)
"""One drop about one symbol: the session and the one before it, the vendor's factor between them (1.0 where it shows
none) and how far rounding can have moved it, traded prices and shares, and whether the bar repeats the one before."""


def show(rows: pl.DataFrame, *, everything: bool = False) -> pl.DataFrame:
    """The rows of a drop that are worth remembering.

    Args:
        rows: accepted bars of one drop: symbol, session, OHLCV and, where the vendor gives one, adj_close; at most one
            row a symbol and session.
        everything: remember quiet rows too. For a drop that replaces an earlier version of itself, so that it can
            take back what that one showed.

    Returns:
        ``EVIDENCE``, sorted by symbol; empty for a drop that doesn't carry exactly two sessions.
    """
    pairs = _pairs(rows)
    if not everything:
        moved = (pl.col("close") / pl.col("close_before")).log().abs() > pl.lit(LARGE_MOVE).log()
        pairs = pairs.filter((pl.col("factor") != 1.0) | moved | pl.col("unchanged"))
    return pairs.sort("symbol")


def with_context(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` in their order, with what the drop itself says about the session before.

    Returns:
        The rows with ``previous_close`` (Float64, dollars as traded, null where the drop has no bar of the session
        before), ``adjustment`` (Float64: the vendor's factor, or that of a split which the price alone shows; 1.0
        otherwise) and ``unchanged`` (Boolean: open, high, low, close and volume equal those of the session before, and
        shares were traded).
    """
    vendor = pl.col("factor")
    adjusted = pl.when(vendor != 1.0).then(vendor).otherwise(inferred_split()).fill_null(1.0)
    pairs = _pairs(rows).select("symbol", "session", "close_before", "unchanged", adjustment=adjusted)
    found = rows.join(pairs, on=["symbol", "session"], how="left", maintain_order="left")
    return found.rename({"close_before": "previous_close"}).with_columns(
        pl.col("adjustment").fill_null(1.0), pl.col("unchanged").fill_null(value=False)
    )


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


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """Every symbol that has both sessions of a drop, as ``EVIDENCE``."""
    sessions = rows["session"].unique().sort()
    if sessions.len() != 2:  # a drop without the session before compares nothing
        return EVIDENCE.to_frame()
    if "adj_close" not in rows.columns:
        rows = rows.with_columns(adj_close="close")
    values = ("session", "open", "high", "low", "close", "volume", "adj_close")
    before, after = (rows.filter(pl.col("session") == session).select("symbol", *values) for session in sessions)
    pairs = before.rename({name: f"{name}_before" for name in values}).join(after, on="symbol", how="inner")
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in values[1:6])
    return (
        pairs.with_columns(
            factor=(pl.col("adj_close_before") / pl.col("close_before")) / (pl.col("adj_close") / pl.col("close")),
            unchanged=(same & (pl.col("volume") > 0)).fill_null(value=False),
            previous_session="session_before",
        )
        .with_columns(_blur())
        .with_columns(_shown())
        .select(list(EVIDENCE))
    )


def _blur() -> pl.Expr:
    # An adjusted close that equals the close is exact; any other was rounded to the cent.
    parts = [
        pl.when(pl.col(adj) == pl.col(close)).then(0.0).otherwise(HALF_CENT / pl.col(adj))
        for adj, close in (("adj_close_before", "close_before"), ("adj_close", "close"))
    ]
    return (pl.sum_horizontal(parts) * pl.col("factor") + 1e-9).alias("blur")


def _shown() -> pl.Expr:
    factor = pl.col("factor")
    return pl.when((factor - 1).abs() > pl.col("blur")).then(factor).otherwise(1.0).alias("factor")


def inferred_split() -> pl.Expr:
    """The factor of a split that the traded price of an ``EVIDENCE`` row shows by itself; null where it shows none."""
    return nearest_ratio(pl.col("close") / pl.col("close_before"), pl.col("open") / pl.col("close_before"))
