"""Timing two things side by side: in turns, so that whatever else the machine does hits both alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How many times as long ``ours`` took as ``theirs``: median over rounds, with the extremes.

    Attributes:
        name: what was measured.
        ours: seconds, median.
        theirs: seconds, median.
        ratio: median over the rounds of ours / theirs.
        low: least ratio of a round.
        high: greatest ratio of a round.
        note: what both sides are.
    """

    name: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    note: str


@dataclass(frozen=True)
class Figure:
    """One number that is no ratio of times.

    Attributes:
        name: what was measured.
        value: the number.
        unit: its unit.
        note: how it came about.
        digits: decimals that it is printed with.
    """

    name: str
    value: float
    unit: str
    note: str
    digits: int = 2


def side_by_side(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], *, note: str, rounds: int = 5
) -> Ratio:
    """Time both ``rounds`` times in turns, after one round that doesn't count."""
    ours()
    theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
    return ratio_of(name, pairs, note)


def ratio_of(name: str, pairs: list[tuple[float, float]], note: str) -> Ratio:
    """What timings in turns, ours and theirs, came to."""
    ratios = [mine / other for mine, other in pairs]
    return Ratio(
        name,
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        note,
    )


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
