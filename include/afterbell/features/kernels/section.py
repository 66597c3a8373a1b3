"""Where a symbol's value stands among those of its session; groups of symbols.

Kernels of cross-sections take the values of one session, float64 of shape ``(n,)`` with NaN where one is missing, and
the order that sorts them, NaN last. Groups are codes ``0 .. parts - 1``, -1 for a symbol of no group. Whatever gives
codes can give groups. Neither the order of symbols nor that of equal values shows in an answer.
"""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_NORMAL = 1.482602218505602
"""The standard deviation of a normal distribution over its median absolute deviation."""

_FURTHEST = 3.0


@kernel()
def share_below(values: Floats, order: Ints, groups: Ints, parts: int, out: Floats) -> None:
    """Rank among the values of the group over their number, in (0, 1]; equal values share the mean of their ranks."""
    out[:] = np.nan
    sizes, below, equal = np.zeros(parts), np.zeros(parts), np.zeros(parts)
    for place in range(len(order)):
        if groups[order[place]] >= 0 and values[order[place]] == values[order[place]]:
            sizes[groups[order[place]]] += 1.0
    begin = 0
    while begin < len(order) and values[order[begin]] == values[order[begin]]:
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            if groups[order[end]] >= 0:
                equal[groups[order[end]]] += 1.0
            end += 1
        for place in range(begin, end):
            group = groups[order[place]]
            if group >= 0:
                out[order[place]] = (below[group] + (equal[group] + 1.0) / 2.0) / sizes[group]
        below += equal
        equal[:] = 0.0
        begin = end


@kernel()
def robust_score(values: Floats, order: Ints, groups: Ints, parts: int, out: Floats) -> None:
    """(x - median) / (1.4826 median |x - median|) within the group, cut at -3 and 3; NaN where half of it is equal.

    Qlib's RobustZScoreNorm (microsoft/qlib, ``qlib/data/dataset/processor.py``), here for each session by itself.
    """
    out[:] = np.nan
    for group in range(parts):
        members = order[groups[order] == group]
        members = members[~np.isnan(values[members])]
        if len(members) == 0:
            continue
        middle = np.median(values[members])
        scale = _NORMAL * np.median(np.abs(values[members] - middle))
        for row in members:
            score = (values[row] - middle) / scale
            out[row] = min(max(score, -_FURTHEST), _FURTHEST) if scale > 0.0 else np.nan


@kernel()
def equal_parts(values: Floats, order: Ints, parts: int, codes: Ints) -> None:
    """Groups of as nearly the same size as equal values allow, 0 for the lowest: the rank's share of ``parts``, up."""
    codes[:] = -1
    known = 0
    while known < len(order) and values[order[known]] == values[order[known]]:
        known += 1
    begin = 0
    while begin < known:
        end = begin
        while end < known and values[order[end]] == values[order[begin]]:
            end += 1
        double_rank = begin + end + 1  # twice the mean of the ranks begin + 1 .. end
        for place in range(begin, end):
            codes[order[place]] = (double_rank * parts - 1) // (2 * known)
        begin = end
