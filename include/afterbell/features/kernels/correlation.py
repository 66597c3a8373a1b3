"""Correlation of two series over windows."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_FLAT = 2e-5
"""Qlib takes a series whose standard deviation is at most this, in its own units, for a constant."""


@kernel()
def correlation(x: Floats, y: Floats, windows: Ints, out: Floats) -> None:
    """Pearson's correlation over sessions with both values, NaN where one of them is constant: Qlib CORR, CORD."""
    lanes = x.shape[1]
    centres = np.zeros((2, lanes))
    for age in range(windows[-1] - 1, -1, -1):
        for lane in range(lanes):
            known = x[age, lane] + y[age, lane] == x[age, lane] + y[age, lane]
            centres[0, lane] = x[age, lane] if known else centres[0, lane]
            centres[1, lane] = y[age, lane] if known else centres[1, lane]
    sums = np.zeros((6, lanes))  # n, x, xx, y, yy, xy
    own = np.zeros((6, lanes))  # n, x, xx and n, y, yy, each where it alone has a value
    begin = 0
    for index in range(len(windows)):
        for age in range(begin, windows[index]):
            for lane in range(lanes):
                a, b = x[age, lane] - centres[0, lane], y[age, lane] - centres[1, lane]
                has_a, has_b = a == a, b == b  # noqa: PLR0124
                a, b = a if has_a else 0.0, b if has_b else 0.0
                weight = 1.0 if has_a and has_b else 0.0
                own[0, lane] += 1.0 if has_a else 0.0
                own[1, lane] += a
                own[2, lane] += a * a
                own[3, lane] += 1.0 if has_b else 0.0
                own[4, lane] += b
                own[5, lane] += b * b
                sums[0, lane] += weight
                sums[1, lane] += weight * a
                sums[2, lane] += weight * a * a
                sums[3, lane] += weight * b
                sums[4, lane] += weight * b * b
                sums[5, lane] += weight * a * b
        begin = windows[index]
        for lane in range(lanes):
            n, x1, y1 = sums[0, lane], sums[1, lane], sums[3, lane]
            sxx = sums[2, lane] - x1 * x1 / n
            syy = sums[4, lane] - y1 * y1 / n
            sxy = sums[5, lane] - x1 * y1 / n
            wide_x = own[2, lane] - own[1, lane] * own[1, lane] / own[0, lane] > _FLAT * _FLAT * (own[0, lane] - 1.0)
            wide_y = own[5, lane] - own[4, lane] * own[4, lane] / own[3, lane] > _FLAT * _FLAT * (own[3, lane] - 1.0)
            varies = wide_x and wide_y and n > 1.0 and sxx > 0.0 and syy > 0.0
            out[0, index, lane] = sxy / np.sqrt(sxx * syy) if varies else np.nan
