"""Corporate action factors, from the vendor's adjusted close. Pure.

Within one drop the newest session is unadjusted and the session before is adjusted for what takes effect in between::

    factor(t) = (adj(t-1) / close(t-1)) / (adj(t) / close(t))

which is 0.5 for a 2:1 split and (close - dividend) / close for a dividend, with t as the ex-session. Prices up to t-1
times the factor compare with prices from t on.
"""

from __future__ import annotations

from math import gcd

import polars as pl

HALF_CENT = 0.005
"""The vendor writes prices to the cent."""

FAR_FROM_ONE = 0.18
"""A split moves the price by more than this: 5:4, the smallest that is counted as one, moves it by 20 %."""

ACTIONS = pl.Schema({"symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String})

_SPLITS = sorted(
    {1 / n for n in range(2, 251)}
    | {float(n) for n in range(2, 251)}
    | {p / q for p in range(1, 8) for q in range(1, 8) if gcd(p, q) == 1 and abs(p / q - 1) > FAR_FROM_ONE}
)


def corporate_actions(bars: pl.DataFrame) -> pl.DataFrame:
    """The factors that one drop shows.

    Args:
        bars: accepted rows of one drop: symbol, session, close, adj_close, at most one row a symbol and session.

    Returns:
        ``ACTIONS``: symbol, ex_session, factor and kind (split or dividend), where a symbol has both sessions and the
        factor differs from 1 by more than rounding to the cent explains.
    """
    sessions = bars["session"].unique().sort()
    if sessions.len() != 2:  # a drop without the session before shows no factor
        return ACTIONS.to_frame()
    before, after = (bars.filter(pl.col("session") == session) for session in sessions)
    pairs = before.select("symbol", close_0="close", adj_0="adj_close").join(
        after.select("symbol", ex_session="session", close_1="close", adj_1="adj_close"), on="symbol", how="inner"
    )
    factor = (pl.col("adj_0") / pl.col("close_0")) / (pl.col("adj_1") / pl.col("close_1"))
    # An adjusted close that equals the close is exact; any other was rounded to the cent.
    blur = pl.sum_horizontal(
        pl.when(pl.col(adj) == pl.col(close)).then(0.0).otherwise(HALF_CENT / pl.col(adj))
        for adj, close in (("adj_0", "close_0"), ("adj_1", "close_1"))
    )
    found = pairs.with_columns(factor=factor, blur=blur * factor + 1e-9).filter(
        (pl.col("factor") - 1).abs() > pl.col("blur")
    )
    return found.select("symbol", "ex_session", "factor", _kind().alias("kind")).sort("symbol")


def _kind() -> pl.Expr:
    """``split`` for a factor that lies within rounding of a ratio of small integers and far from 1."""
    factor, blur = pl.col("factor"), pl.col("blur")
    near = pl.any_horizontal((factor - ratio).abs() <= blur for ratio in _SPLITS)
    return pl.when(near & ((factor - 1).abs() > FAR_FROM_ONE)).then(pl.lit("split")).otherwise(pl.lit("dividend"))
