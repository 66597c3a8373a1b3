"""The ratios that splits come in, and how far a traded price agrees with a factor. Pure."""

from __future__ import annotations

from bisect import bisect_left
from math import gcd, log

FAR_FROM_ONE = 0.18
"""A split moves the price by more than this: 5:4, the smallest that is counted as one, moves it by 20 %."""

WEIGHTY = 0.03
"""From this distance of a factor from 1 on, the volume of the session before is checked for a restatement."""

RATIOS = tuple(
    sorted(
        {1 / n for n in range(2, 251)}
        | {float(n) for n in range(2, 251)}
        | {p / q for p in range(1, 8) for q in range(1, 8) if gcd(p, q) == 1 and abs(p / q - 1) > FAR_FROM_ONE}
    )
)
"""Old shares for a new one: what a price before the split is multiplied with."""

COMMON = frozenset({1 / n for n in range(2, 251)} | {2 / 3})
"""Forward splits that need no second witness; of the others a large payout may by chance have the ratio."""


def split_ratio(factor: float, blur: float) -> float | None:
    """The ratio of small integers that ``factor`` is, within its rounding ``blur``; None for any other factor."""
    if abs(factor - 1) <= FAR_FROM_ONE:
        return None
    place = bisect_left(RATIOS, factor)
    best = min(RATIOS[max(place - 1, 0) : place + 1], key=lambda ratio: abs(ratio - factor))
    return best if abs(best - factor) <= blur else None


def misfit(move: float, factor: float) -> float:
    """How far the price's ``move`` (close over the close before) lies from ``factor``: absolute difference of logs."""
    return abs(log(move / factor))
