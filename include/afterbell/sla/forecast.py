"""When a run will be done, how long before its deadline, and what has to be left out for it; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from afterbell.run.contracts.notes import ForecastEntry
from afterbell.sla.budgets import Budgets
from afterbell.sla.policy import TIMED, Measure


@dataclass(frozen=True)
class Forecast:
    """When a run will be done by its budgets, seen from an instant.

    Attributes:
        at: the instant, UTC.
        step: the step that starts or has ended.
        finish: when the last step will be done, UTC.
        deadline: by when it must be, UTC.
        reserve: how much is to stay free before the deadline.
        left_out: what was left out for it.
    """

    at: datetime
    step: str
    finish: datetime
    deadline: datetime
    reserve: timedelta
    left_out: tuple[Measure, ...] = field(default=())

    @property
    def slack(self) -> timedelta:
        """From the finish to the deadline; negative where it will be missed."""
        return self.deadline - self.finish

    @property
    def fits(self) -> bool:
        """Whether the reserve stays free."""
        return self.slack >= self.reserve

    @property
    def summary(self) -> str:
        """One line for the log."""
        text = f"forecast: finish {self.finish:%H:%M} UTC, {before_deadline(self.slack)}"
        if not self.left_out:
            return text
        left = "; ".join(measure.label for measure in self.left_out)
        sure = any(measure.step == self.step for measure in self.left_out)
        return f"{text}; left out by policy{'' if sure else ', if it stays so'}: {left}"

    def entry(self, *, done: bool) -> ForecastEntry:
        """The forecast as the run's document has it; ``done``: whether the step has ended."""
        return ForecastEntry(
            at=self.at,
            step=self.step,
            finish=self.finish,
            slack=round(self.slack.total_seconds(), 1),
            done=done,
        )


def before_deadline(slack: timedelta) -> str:
    """``17 min before the deadline``, or after it."""
    minutes = abs(slack.total_seconds()) / 60
    side = "before" if slack >= timedelta(0) else "after"
    return f"{minutes:.0f} min {side} the deadline"


def forecast(
    budgets: Budgets,
    step: str,
    at: datetime,
    deadline: datetime,
    *,
    done: bool,
    begins: datetime | None = None,
    left_out: Sequence[Measure] = (),
) -> Forecast:
    """Add up what the steps that remain may take.

    Args:
        budgets: of the run.
        step: the step that starts or has ended.
        at: now, UTC.
        deadline: of the run, UTC.
        done: whether ``step`` has ended.
        begins: when the work can begin, if that is later than ``at``.
        left_out: measures that make a step shorter.
    """
    remaining = dict.fromkeys(TIMED[TIMED.index(step) + int(done) :], 1.0)
    for measure in left_out:
        if measure.step in remaining:
            remaining[measure.step] *= 1.0 - measure.saves
    seconds = sum(budgets.seconds[name] * share for name, share in remaining.items())
    finish = max(at, begins or at) + timedelta(seconds=seconds)
    return Forecast(at, step, finish, deadline, timedelta(seconds=budgets.reserve), tuple(left_out))


def fitting(
    budgets: Budgets, step: str, at: datetime, deadline: datetime, measures: Sequence[Measure], **more: Any
) -> Forecast:
    """The forecast at the start of ``step`` with as few of ``measures`` as it takes, in their order; all if none do.

    Measures of steps that are over can't help and are not taken.
    """
    ahead = [measure for measure in measures if TIMED.index(measure.step) >= TIMED.index(step)]
    chosen = forecast(budgets, step, at, deadline, done=False, **more)
    for count in range(1, len(ahead) + 1):
        if chosen.fits:
            break
        chosen = forecast(budgets, step, at, deadline, done=False, left_out=ahead[:count], **more)
    return chosen


def over_budget(budgets: Budgets, took: Mapping[str, float]) -> dict[str, float]:
    """Seconds that steps took beyond their budgets, by step in their order; others are not in it."""
    over = {step: round(took[step] - budgets.seconds[step], 1) for step in TIMED if step in took}
    return {step: seconds for step, seconds in over.items() if seconds > 0}
