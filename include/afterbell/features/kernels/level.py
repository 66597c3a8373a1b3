"""Means and standard deviations over windows."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import compiled, kernel
from afterbell.features.grid import Floats, Ints

_TINY = 1e-12


@compiled
def moments(x: Floats, windows: Ints, out: Floats) -> None:
    """Count, mean and variance (one degree of freedom taken off; NaN for less than two values)."""
    lanes = x.shape[1]
    count, total, squares = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    # About the newest value that there is, so that a constant has a variance of exactly 0.
    centre = np.zeros(lanes)
    for age in range(windows[-1] - 1, -1, -1):
        for lane in range(lanes):
            value = x[age, lane]
            centre[lane] = value if value == value else centre[lane]  # noqa: PLR0124 - NaN alone differs from itself
    begin = 0
    for index in range(len(windows)):
        for age in range(begin, windows[index]):
            for lane in range(lanes):
                offset = x[age, lane] - centre[lane]
                known = offset == offset  # noqa: PLR0124
                offset = offset if known else 0.0
                count[lane] += 1.0 if known else 0.0
                total[lane] += offset
                squares[lane] += offset * offset
        begin = windows[index]
        for lane in range(lanes):
            n = count[lane]
            mean = total[lane] / n
            spread = squares[lane] - total[lane] * mean
            spread = max(0.0, spread)
            out[0, index, lane] = n
            out[1, index, lane] = centre[lane] + mean
            out[2, index, lane] = spread / (n - 1.0) if n > 1.0 else np.nan


@compiled
def _over_newest(x: Floats, epsilon: float, windows: Ints, out: Floats) -> None:
    stats = np.empty((3, len(windows), x.shape[1]))
    moments(x, windows, stats)
    for index in range(len(windows)):
        for lane in range(x.shape[1]):
            newest = x[0, lane] + epsilon
            out[0, index, lane] = stats[1, index, lane] / newest
            out[1, index, lane] = np.sqrt(stats[2, index, lane]) / newest


@kernel(answers=2)
def price_level(x: Floats, windows: Ints, out: Floats) -> None:
    """Mean and standard deviation over the newest value: Qlib MA, STD."""
    _over_newest(x, 0.0, windows, out)


@kernel(answers=2)
def volume_level(x: Floats, windows: Ints, out: Floats) -> None:
    """Mean and standard deviation over the newest value plus 1e-12: Qlib VMA, VSTD."""
    _over_newest(x, _TINY, windows, out)


@kernel()
def dispersion(x: Floats, windows: Ints, out: Floats) -> None:
    """Standard deviation over mean plus 1e-12: Qlib WVMA, of |return| times volume."""
    stats = np.empty((3, len(windows), x.shape[1]))
    moments(x, windows, stats)
    for index in range(len(windows)):
        for lane in range(x.shape[1]):
            out[0, index, lane] = np.sqrt(stats[2, index, lane]) / (stats[1, index, lane] + _TINY)
