"""The filings that are known of one company, and which of them make up a year and a quarter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from afterbell.features.compiled import compiled
from afterbell.features.filings import FIGURES
from afterbell.features.grid import Floats, Ints

STALE = 550
"""Days: a year, a month to file the next one, and half a year of grace."""

HISTORY = 1150
"""Days: from a quarter that is about to be stale back to the first quarter of the fiscal year before it."""

END, ANNUAL, KNOWLEDGE = range(3)
DAY = 86_400_000_000
"""Microseconds."""

YEAR, _QUARTER = 365, 91.25
_NEAR = 20
"""Days by which the ends of periods may differ that are a year or a quarter apart: weeks make some fiscal years."""

_PER_SHARE = tuple(FIGURES.index(name) for name in ("eps_basic", "eps_diluted", "dividend"))


class Book(NamedTuple):
    """Filings by symbol; of one symbol by period, and of one period by when they became known."""

    starts: Ints
    period: Ints  # (n, 3): the end, whether it is a year, when the filing became known
    figures: Floats  # (n, figures)


class Moves(NamedTuple):
    """Actions by symbol; of one symbol by ex-session, and of one ex-session by when they became known."""

    starts: Ints
    ex: Ints
    knowledge: Ints
    split: Floats  # the factor, 1 where it is no split


@compiled
def known(book: Book, symbol: int, day: int, cut_off: int) -> tuple[Ints, Floats]:
    """The last filing known of each period, by period end; a year after a quarter that ends with it."""
    begin, end = book.starts[symbol], book.starts[symbol + 1]
    period, figures = book.period[begin:end].copy(), book.figures[begin:end].copy()
    count = 0
    for row in range(end - begin):
        if period[row, KNOWLEDGE] > cut_off or period[row, END] < day - HISTORY:
            continue
        repeated = count > 0 and (period[row, :KNOWLEDGE] == period[count - 1, :KNOWLEDGE]).all()
        count += 0 if repeated else 1
        period[count - 1], figures[count - 1] = period[row], figures[row]
    return period[:count], figures[:count]


@compiled
def adjust(moves: Moves, symbol: int, day: int, cut_off: int, period: Ints, figures: Floats) -> None:
    """Bring figures per share to the session's shares."""
    begin, end = moves.starts[symbol], moves.starts[symbol + 1]
    action = begin
    while action < end:
        ex, factor = moves.ex[action], 1.0
        while action < end and moves.ex[action] == ex:
            factor = moves.split[action] if moves.knowledge[action] <= cut_off else factor
            action += 1
        for row in range(len(period) if ex <= day else 0):
            if ex > period[row, KNOWLEDGE] // DAY:
                for figure in _PER_SHARE:
                    figures[row, figure] *= factor


@compiled
def find_period(period: Ints, annual: int, end: float) -> int:
    """The place of the year (1) or the quarter (0) that ended next to the day ``end``; -1 where none is near."""
    place, nearest = -1, float(_NEAR)
    for row in range(len(period)):
        distance = abs(period[row, END] - end)
        if period[row, ANNUAL] == annual and distance <= nearest:
            place, nearest = row, distance
    return place


@compiled
def year_of(period: Ints, day: int) -> Ints:
    """How often each filing counts towards the year: (0) its flows of a quarter, (1) those of the year so far."""
    weights = np.zeros((2, len(period)), dtype=np.int64)
    newest, last = len(period) - 1, len(period) - 1
    while last >= 0 and period[last, ANNUAL] == 0:
        last -= 1
    if last < 0:
        return weights
    begin = period[last, END]
    quarters = int(np.round((period[newest, END] - begin) / _QUARTER))
    rows = np.empty((2, 4), dtype=np.int64)
    for quarter in range(min(quarters, 4)):
        rows[0, quarter] = find_period(period, 0, begin + (quarter + 1) * _QUARTER)
        rows[1, quarter] = find_period(period, 0, begin - YEAR + (quarter + 1) * _QUARTER)
    if 0 < quarters < 4 and rows[:, :quarters].min() >= 0 and rows[0, quarters - 1] == newest:
        weights[:, last] = 1
        for quarter in range(quarters):
            weights[0, rows[0, quarter]] += 1
            weights[0, rows[1, quarter]] -= 1
        weights[1, newest] += 1
        weights[1, rows[1, quarters - 1]] -= 1
    elif begin >= day - STALE:
        weights[:, last] = 1
    return weights


@compiled
def quarter_of(period: Ints) -> Ints:
    """How often each filing counts towards the newest quarter."""
    weights = np.zeros(len(period), dtype=np.int64)
    newest = len(period) - 1
    if period[newest, ANNUAL] == 1:
        for quarter in range(1, 4):
            row = find_period(period, 0, period[newest, END] - quarter * _QUARTER)
            if row < 0:
                return np.zeros(len(period), dtype=np.int64)
            weights[row] = -1
    weights[newest] = 1
    return weights
