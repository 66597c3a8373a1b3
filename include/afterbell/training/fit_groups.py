"""How many fits go into one task: small ones together until a task is worth its cost, large ones alone.

What a fit costs is learned from those that are done, by family and session of its training window: rows grow with the
sessions. A block of a fit counts as its share of them, and apart from whole fits. It decides when fits run and beside
which others, never what comes out of them.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Container
from statistics import median

from afterbell.training.fits import Fit, FitResult

TASK_SECONDS = 2.0
"""Work of a task: sending and starting one costs 0.13 s of processor time, the JVM's included."""
_REMEMBERED = 15
"""Results of a family that count: the first fit of a process also imports the family's library."""
_SHARES = 2
"""Tasks that each core is to have left of what waits: with larger ones the last would be waited for."""


class Costs:
    """Seconds of fits, learned from their results."""

    def __init__(self) -> None:
        self._rates: defaultdict[_Kind, deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def learn(self, result: FitResult) -> None:
        """Take in what a fit cost; one that was not done says nothing."""
        if result.seconds > 0:
            self._rates[_kind(result.fit)].append(result.seconds / result.fit.work)

    def seconds(self, fit: Fit) -> float | None:
        """About how long ``fit`` takes; None while no fit of its family is done.

        A block is judged by blocks like it, and while there are none as its share of a whole fit, or likewise.
        """
        own = _kind(fit)
        rates = self._rates.get(own) or next(
            (rates for (family, _), rates in sorted(self._rates.items()) if family == fit.family), None
        )
        return median(rates) * fit.work if rates else None


_Kind = tuple[str, str]


def _kind(fit: Fit) -> _Kind:
    """A family, and which part of a fit."""
    return fit.family, "whole" if fit.block is None else "market" if fit.has_market else "groups"


def take_group(waiting: deque[tuple[int, Fit]], costs: Costs, cores: int, alone: Container[int] = ()) -> list[int]:
    """Take the fits of the next task from the head of the queue, in its order.

    Args:
        waiting: numbers of fits and the fits, at least one.
        costs: of fits that are done.
        cores: how many tasks run at a time.
        alone: numbers of the fits that get a task of their own, whatever they cost.

    Returns:
        Their numbers.
    """
    most = math.ceil(len(waiting) / (_SHARES * max(cores, 1)))
    number, fit = waiting.popleft()
    group, seconds = [number], costs.seconds(fit)
    if number in alone or seconds is None:
        return group
    while waiting and len(group) < most:
        number, fit = waiting[0]
        more = costs.seconds(fit)
        if number in alone or more is None or seconds + more > TASK_SECONDS:
            break
        seconds += more
        group.append(waiting.popleft()[0])
    return group
