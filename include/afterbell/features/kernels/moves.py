"""How a series moved from session to session within windows."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_TINY = 1e-12


@kernel(answers=6)
def moves(x: Floats, windows: Ints, out: Floats) -> None:
    """Shares of sessions that rose and that fell and their difference, and the same of the moves' sizes.

    Qlib CNTP, CNTN, CNTD, SUMP, SUMN, SUMD, in this order; the last three of volume are VSUMP, VSUMN, VSUMD. A share is
    one of all sessions of the window since the symbol's first bar, with a bar or without.
    """
    lanes = x.shape[1]
    sums = np.zeros((5, lanes))  # pairs, rises, falls, up, down
    first = np.zeros(lanes)
    for age in range(x.shape[0]):
        for lane in range(lanes):
            first[lane] = float(age) if x[age, lane] == x[age, lane] else first[lane]
    begin = 0
    for index in range(len(windows)):
        for age in range(begin, windows[index]):
            for lane in range(lanes):
                move = x[age, lane] - x[age + 1, lane]
                known = move == move  # noqa: PLR0124
                move = move if known else 0.0
                sums[0, lane] += 1.0 if known else 0.0
                sums[1, lane] += 1.0 if move > 0.0 else 0.0
                sums[2, lane] += 1.0 if move < 0.0 else 0.0
                sums[3, lane] += max(0.0, move)
                sums[4, lane] += -move if move < 0.0 else 0.0
        begin = windows[index]
        window = float(windows[index])
        for lane in range(lanes):
            length = min(window, first[lane] + 1.0)
            total = sums[3, lane] + sums[4, lane] + _TINY if sums[0, lane] > 0.0 else np.nan
            out[0, index, lane] = sums[1, lane] / length
            out[1, index, lane] = sums[2, lane] / length
            out[2, index, lane] = (sums[1, lane] - sums[2, lane]) / length
            out[3, index, lane] = sums[3, lane] / total
            out[4, index, lane] = sums[4, lane] / total
            out[5, index, lane] = (sums[3, lane] - sums[4, lane]) / total
