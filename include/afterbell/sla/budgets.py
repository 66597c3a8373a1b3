"""Time budgets of the steps of a run, learned from earlier runs."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from afterbell.run.contracts.opened import BudgetFigures
from afterbell.sla.policy import TIMED, SlaPolicy

LONGEST_PAUSE = 900.0
"""Seconds between two steps beyond which the pause was spent waiting for a person: that is no cost of the run."""
_SHORT = 0.25
"""A step that took less than this share of its median had most of its work done already."""


@dataclass(frozen=True)
class Timing:
    """When a step worked, by its own clock in UTC, and whether it did less than all of its work."""

    started: datetime
    finished: datetime
    noop: bool = False

    @property
    def seconds(self) -> float:
        """How long it worked."""
        return (self.finished - self.started).total_seconds()


Run = Mapping[str, Timing]
"""The timings of one run by step; steps that wrote no result are not in it."""


@dataclass(frozen=True)
class Budgets:
    """The budgets of a run.

    Attributes:
        seconds: of each step of ``TIMED``, the pause before it included.
        reserve: seconds that stay free before the deadline.
        learned: how many measurements stand behind a step's figure; steps that use the policy's are not in it.
    """

    seconds: Mapping[str, float]
    reserve: float
    learned: Mapping[str, int]

    def figures(self) -> BudgetFigures:
        """The budgets as the run carries them."""
        return BudgetFigures(seconds=dict(self.seconds), reserve=self.reserve, learned=dict(self.learned))

    @classmethod
    def of(cls, figures: BudgetFigures) -> Budgets:
        """The budgets that a run carries."""
        return cls(dict(figures.seconds), float(figures.reserve), dict(figures.learned))

    def after(self, step: str) -> float:
        """Seconds that the steps after ``step`` need."""
        return sum(self.seconds[name] for name in TIMED[TIMED.index(step) + 1 :])


def default_budgets(policy: SlaPolicy) -> Budgets:
    """The policy's own figures."""
    return Budgets(dict(policy.budgets), policy.reserve_minutes * 60, {})


def learn(runs: Sequence[Run], policy: SlaPolicy) -> Budgets:
    """The quantile of what each step took, the pause before it included; the policy's figure where too little is known.

    A step that had nothing to do, was cut short, or took less than a quarter of its median, is not counted.

    Args:
        runs: of the last sessions, in any order.
        policy: quantile, fewest measurements, defaults.
    """
    pauses = _pauses(runs)
    usual = statistics.median([pause for values in pauses.values() for pause in values] or [0.0])
    seconds, learned = dict(policy.budgets), {}
    for step in TIMED:
        took = _worked(runs, step)
        if len(took) < policy.history.least:
            continue
        before = pauses.get(step) or [usual]
        seconds[step] = round(_quantile(took, policy.history.quantile) + statistics.median(before), 1)
        learned[step] = len(took)
    return Budgets(seconds, policy.reserve_minutes * 60, learned)


def _worked(runs: Sequence[Run], step: str) -> list[float]:
    durations = [run[step].seconds for run in runs if step in run and not run[step].noop]
    least = _SHORT * statistics.median(durations or [0.0])
    return [seconds for seconds in durations if seconds >= least]


def _pauses(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Seconds between the end of a step and the start of the next: Airflow's, and the driver's until it works."""
    pauses: dict[str, list[float]] = {}
    for run in runs:
        for before, step in itertools.pairwise(TIMED):
            if before in run and step in run:
                pause = (run[step].started - run[before].finished).total_seconds()
                if 0 <= pause <= LONGEST_PAUSE:
                    pauses.setdefault(step, []).append(pause)
    return pauses


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that at least ``share`` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
