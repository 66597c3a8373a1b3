"""Quantiles and ranks of windows."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import compiled, kernel
from afterbell.features.grid import Floats, Ints

_UPPER, _LOWER = 0.8, 0.2


@kernel(answers=3)
def order(x: Floats, windows: Ints, out: Floats) -> None:
    """The 80 % and the 20 % quantile over the newest value, and its rank: Qlib QTLU, QTLD, RANK.

    Quantiles lie between neighbours in proportion; the rank is a share in (0, 1], ties at their average.
    """
    lanes = x.shape[1]
    # Each value sinks through the ones before it: compare and swap, in all lanes at once. A missing one is infinite.
    ordered = np.full((windows[-1], lanes), np.inf)
    value = np.empty(lanes)
    count, less, equal = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    begin = 0
    for index in range(len(windows)):
        for age in range(begin, windows[index]):
            for lane in range(lanes):
                current = x[age, lane]
                known = current == current  # noqa: PLR0124 - NaN alone differs from itself
                value[lane] = current if known else np.inf
                count[lane] += 1.0 if known else 0.0
                less[lane] += 1.0 if current < x[0, lane] else 0.0
                equal[lane] += 1.0 if current == x[0, lane] else 0.0
            for place in range(age + 1):
                for lane in range(lanes):
                    kept, new = ordered[place, lane], value[lane]
                    smaller = new < kept
                    ordered[place, lane] = new if smaller else kept
                    value[lane] = kept if smaller else new
        begin = windows[index]
        for lane in range(lanes):
            n = count[lane]
            out[0, index, lane] = _quantile(ordered, lane, n, _UPPER) / x[0, lane]
            out[1, index, lane] = _quantile(ordered, lane, n, _LOWER) / x[0, lane]
            rank = (less[lane] + (equal[lane] + 1.0) / 2.0) / n
            out[2, index, lane] = rank if equal[lane] > 0.0 else np.nan


@compiled
def _quantile(ordered: Floats, lane: int, count: float, share: float) -> float:
    if count < 1.0:
        return np.nan
    place = share * (count - 1.0)
    below = int(place)
    if below + 1 >= count:
        return float(ordered[below, lane])
    return float(ordered[below, lane] + (ordered[below + 1, lane] - ordered[below, lane]) * (place - below))
