"""The greatest high and the least low of windows, and when they were."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_TINY = 1e-12


@kernel(answers=6)
def extremes(high: Floats, low: Floats, close: Floats, windows: Ints, out: Floats) -> None:
    """Qlib MAX, MIN, RSV, IMAX, IMIN, IMXD, in this order.

    A position is counted in sessions from 1 at the window's oldest session, or at the symbol's first bar if that is
    younger, to the newest; of equal extremes the oldest counts. A session without a bar since the first one takes the
    place of both extremes, the oldest such: that is what NumPy's ``argmax`` makes of it in Qlib, and results are to be
    compared.
    """
    lanes = high.shape[1]
    top, bottom = np.full(lanes, -np.inf), np.full(lanes, np.inf)
    top_age, bottom_age, first, gap = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.full(lanes, -1.0)
    for age in range(close.shape[0]):
        for lane in range(lanes):
            first[lane] = float(age) if close[age, lane] == close[age, lane] else first[lane]
    begin = 0
    for index in range(len(windows)):
        window = float(windows[index])
        for age in range(begin, windows[index]):
            now = float(age)
            for lane in range(lanes):
                h, l = high[age, lane], low[age, lane]  # noqa: E741 - the field's letters
                above, below = h >= top[lane], l <= bottom[lane]
                top[lane] = h if above else top[lane]
                top_age[lane] = now if above else top_age[lane]
                bottom[lane] = l if below else bottom[lane]
                bottom_age[lane] = now if below else bottom_age[lane]
                gap[lane] = now if now < first[lane] and h != h else gap[lane]  # noqa: PLR0124 - NaN alone does
        begin = windows[index]
        for lane in range(lanes):
            c = close[0, lane]
            length = min(window, first[lane] + 1.0)
            out[0, index, lane] = top[lane] / c
            out[1, index, lane] = bottom[lane] / c
            out[2, index, lane] = (c - bottom[lane]) / (top[lane] - bottom[lane] + _TINY)
            highest = gap[lane] if gap[lane] >= 0.0 else top_age[lane]
            lowest = gap[lane] if gap[lane] >= 0.0 else bottom_age[lane]
            out[3, index, lane] = (length - highest) / window
            out[4, index, lane] = (length - lowest) / window
            out[5, index, lane] = (lowest - highest) / window
