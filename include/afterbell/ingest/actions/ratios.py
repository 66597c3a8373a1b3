"""The ratios that splits come in, and how far a traded price agrees with a factor. Pure."""

from __future__ import annotations

from bisect import bisect_left
from math import gcd, log

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

FORWARD = (1 / 10, 1 / 8, 1 / 7, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2)
REVERSE = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0)
"""Those common enough to be believed from the traded price alone."""

_LOGS = {ratio: log(ratio) for ratio in (*FORWARD, *REVERSE)}


def split_ratio(factor: float, blur: float) -> float | None:
    """The ratio of small integers that ``factor`` is, within its rounding ``blur``; None for any other factor."""
    if abs(factor - 1) <= FAR_FROM_ONE:
        return None
    at = bisect_left(RATIOS, factor)
    best = min(RATIOS[max(at - 1, 0) : at + 1], key=lambda ratio: abs(ratio - factor))
    return best if abs(best - factor) <= blur else None


def misfit(move: float, factor: float) -> float:
    """How far the price's ``move`` (close over the close before) lies from ``factor``: absolute difference of logs."""
    return abs(log(move / factor))


def nearest(ratios: tuple[float, ...], moves: tuple[float, float], tolerance: float) -> float | None:
    """The one of ``ratios`` closest to both moves, if each lies within a share of ``tolerance`` of it."""
    first, second = (log(move) for move in moves)
    best = min(ratios, key=lambda ratio: abs(first - _LOGS[ratio]) + abs(second - _LOGS[ratio]))
    return best if all(abs(move / best - 1) <= tolerance for move in moves) else None
