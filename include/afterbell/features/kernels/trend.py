"""A straight line through the last closes."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_FLAT = 2e-5
"""Qlib takes a series whose standard deviation is at most this, in its own units, for a constant."""


@kernel(answers=3)
def line(x: Floats, windows: Ints, out: Floats) -> None:
    """Slope and residual of the newest value over that value, and R squared: Qlib BETA, RESI, RSQR.

    Least squares over sessions with a value, time counted in sessions. NaN for fewer than two of them, R squared also
    for a constant.
    """
    lanes = x.shape[1]
    sums = np.zeros((6, lanes))  # n, t, tt, y, yy, ty with t = -age and y about the newest value
    begin = 0
    for index in range(len(windows)):
        for age in range(begin, windows[index]):
            t = -float(age)
            for lane in range(lanes):
                y = x[age, lane] - x[0, lane]
                known = y == y  # noqa: PLR0124 - NaN alone differs from itself
                y = y if known else 0.0
                weight = 1.0 if known else 0.0
                sums[0, lane] += weight
                sums[1, lane] += weight * t
                sums[2, lane] += weight * t * t
                sums[3, lane] += y
                sums[4, lane] += y * y
                sums[5, lane] += t * y
        begin = windows[index]
        for lane in range(lanes):
            n, t1, y1 = sums[0, lane], sums[1, lane], sums[3, lane]
            stt = sums[2, lane] - t1 * t1 / n
            syy = sums[4, lane] - y1 * y1 / n
            sty = sums[5, lane] - t1 * y1 / n
            enough = n > 1.0
            slope = sty / stt if enough else np.nan
            # The newest value lies at t = 0 and y = 0.
            out[0, index, lane] = slope / x[0, lane]
            out[1, index, lane] = -(y1 - slope * t1) / n / x[0, lane]
            varies = enough and syy > _FLAT * _FLAT * (n - 1.0)
            out[2, index, lane] = sty * sty / (stt * syy) if varies else np.nan
