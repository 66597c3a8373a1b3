"""Ratios that splits come in. Pure."""

from __future__ import annotations

from math import gcd

import polars as pl

FAR_FROM_ONE = 0.18
"""A split moves the price by more than this: 5:4, the smallest that is counted as one, moves it by 20 %."""

RATIOS = tuple(
    sorted(
        {1 / n for n in range(2, 251)}
        | {float(n) for n in range(2, 251)}
        | {p / q for p in range(1, 8) for q in range(1, 8) if gcd(p, q) == 1 and abs(p / q - 1) > FAR_FROM_ONE}
    )
)
"""Old shares for a new one: what a price before the split is multiplied with."""

USUAL = (
    1 / 10,
    1 / 7,
    1 / 5,
    1 / 4,
    1 / 3,
    1 / 2,
    2 / 3,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    10.0,
    12.0,
    15.0,
    20.0,
    25.0,
    30.0,
)
"""Those common enough to be believed from the price alone."""

NEAR = 0.06
"""How far open and close may lie from the ratio, which a usual day's return moves them."""


def near_any(factor: pl.Expr, blur: pl.Expr) -> pl.Expr:
    """Whether ``factor`` lies within ``blur`` of a ratio of ``RATIOS`` and far from 1."""
    near = pl.any_horizontal((factor - ratio).abs() <= blur for ratio in RATIOS)
    return near & ((factor - 1).abs() > FAR_FROM_ONE)


def nearest_ratio(close: pl.Expr, opened: pl.Expr) -> pl.Expr:
    """The usual ratio that both the open and the close, over the close before, lie near; null where there is none."""
    return pl.coalesce(
        pl.when(((close / ratio - 1).abs() <= NEAR) & ((opened / ratio - 1).abs() <= NEAR)).then(pl.lit(ratio))
        for ratio in USUAL
    )
