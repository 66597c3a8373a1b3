"""One family and horizon of a search: cohorts of trials, of which the better part goes on from fold to fold.

A cohort is suggested from the results of all cohorts before it, taken in by the number of the trial. On each rung its
trials do one more fold, the cheapest first, and the better share goes on (successive halving: Jamieson and Talwalkar,
Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016). What is chosen depends on how many
cohorts were finished and on nothing else: not on the order in which fits end, nor on how many run at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from afterbell.training.fits import Fit, FitResult
from afterbell.training.search.samplers import Ending, sampler_of
from afterbell.training.search.scores import FoldScores, mean_rank_ic
from afterbell.training.search.sizes import fits_of_others, fits_of_trials, rung_sizes
from afterbell.training.search.trials import Trial, make_trial, space_of
from afterbell.training.spec import ModelSpec

Key = tuple[str, int]
"""A family and a horizon."""


@dataclass
class TrialRecord:
    """A trial and what is known of it.

    Attributes:
        trial: the trial.
        folds: scores of the folds done, in the order of the rungs.
        values: the mean rank IC after each rung.
        ending: how it ended; None while it is under way.
        reason: why it failed; empty if it did not.
        fit_failed: whether that was a fit that failed, so that another run may have it.
        seconds: that its fits took, for a session of training.
    """

    trial: Trial
    folds: list[FoldScores] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    ending: Ending | None = None
    reason: str = ""
    fit_failed: bool = False
    seconds: float = 0.0

    @property
    def rank_ic(self) -> float:
        """Mean rank IC of the sessions of all folds done; NaN where it failed or none is done."""
        return self.values[-1] if self.values and self.ending is not Ending.FAILED else math.nan


class Study:
    """The search of one family and horizon."""

    def __init__(self, key: Key, spec: ModelSpec, rungs: Sequence[Fit]) -> None:
        """Nothing is suggested yet.

        Args:
            key: family and horizon.
            spec: the specification, with the number of trials and how they are made.
            rungs: the fits of a trial, in the order in which they are done.

        Raises:
            ConfigError: the specification does not state what may be varied.
        """
        family, horizon = key
        self.key, self.rungs, self._spec, self._settings = key, tuple(rungs), spec, spec.search
        own = Trial(family, 0, spec)
        space = space_of(spec, family)
        values = {name: spec.families.named()[family].model_dump()[name] for name in space}
        self._sampler = sampler_of(spec, family, horizon, space, values)
        self.records = {0: TrialRecord(own)}
        self._cohort: list[int] = []
        """Trials of the cohort under way."""
        self._on_rung: list[int] = []
        """Those of them that have come to the newest rung."""
        self._rung, self._pending = 0, set[int]()
        self._asked = 0
        self.finished: list[int] = []
        """Trials of the finished cohorts, ascending."""
        self.stopped = ""
        """Why no more are suggested; empty while that isn't so."""

    @property
    def under_way(self) -> bool:
        """Whether a cohort is."""
        return bool(self._cohort)

    @property
    def exhausted(self) -> bool:
        """Whether no cohort is to come."""
        return bool(self.stopped) or self._asked >= self._settings.trials

    def next_size(self) -> int:
        """How many trials the next cohort has."""
        return min(self._settings.cohort, self._settings.trials - self._asked)

    def open_cohort(self) -> list[tuple[int, Fit]]:
        """Suggest the next cohort.

        Returns:
            Numbers of trials and the fits that are to be done.
        """
        self._cohort = list(range(self._asked, self._asked + self.next_size()))
        self._asked += len(self._cohort)
        suggested = [number for number in self._cohort if number > 0]
        for number, values in zip(suggested, self._sampler.ask(suggested), strict=True):
            self.records[number] = TrialRecord(make_trial(self._spec, self.key[0], number, values))
        return self._begin_rung(0, self._cohort)

    def _begin_rung(self, rung: int, numbers: Sequence[int]) -> list[tuple[int, Fit]]:
        self._rung, self._on_rung, self._pending = rung, list(numbers), set(numbers)
        return [(number, self.rungs[rung]) for number in numbers]

    def awaits(self, number: int, fit: Fit) -> bool:
        """Whether the rung under way waits for this fit of a trial."""
        return number in self._pending and self.rungs[self._rung] == fit

    def learn(self, number: int, result: FitResult) -> list[tuple[int, Fit]]:
        """Take in a fit of the cohort under way.

        Returns:
            What is to be done next: once the rung is complete, the next rung's fits; nothing after the last.
        """
        record = self.records[number]
        if result.seconds:
            record.seconds = max(record.seconds, result.seconds / result.fit.train_sessions)
        self._take_in(record, result)
        self._pending.discard(number)
        return [] if self._pending else self._next_rung()

    def _take_in(self, record: TrialRecord, result: FitResult) -> None:
        if result.broken or result.failed or not result.predictions:
            record.reason = result.reason or "no fold was tested"
        else:
            record.folds.append(FoldScores.decode(result.predictions))
            value = mean_rank_ic(record.folds)
            if math.isfinite(value):
                record.values.append(value)
                return
            record.reason = "no session of the folds to choose by has enough symbols"
        # A trial that lacks a fold which others have can't be compared with them.
        record.ending, record.fit_failed = Ending.FAILED, result.failed

    def _next_rung(self) -> list[tuple[int, Fit]]:
        """Prune after a rung that is complete, and go on with the others, or end the cohort."""
        alive = [number for number in self._on_rung if self.records[number].ending is None]
        if alive and self._rung + 1 < len(self.rungs):
            better = self._better(alive)
            for number in set(alive) - set(better):
                self.records[number].ending = Ending.PRUNED
            return self._begin_rung(self._rung + 1, better)
        for number in alive:
            self.records[number].ending = Ending.COMPLETE
        self._close()
        return []

    def _better(self, alive: Sequence[int]) -> list[int]:
        """The trials that go on, ascending; of equals the earlier go on.

        The specification's own always does, besides the others: there is one to compare with.
        """
        count = math.ceil(self._settings.keep * sum(number != 0 for number in self._on_rung))
        others = sorted(
            (number for number in alive if number != 0), key=lambda number: (-self.records[number].values[-1], number)
        )
        return sorted([*(number for number in alive if number == 0), *others[:count]])

    def _close(self) -> None:
        for number in self._cohort:
            record = self.records[number]
            self._sampler.tell(number, record.values, record.ending or Ending.FAILED)
        self.finished += self._cohort
        self._forget_cohort()

    def _forget_cohort(self) -> None:
        self._cohort, self._on_rung, self._pending = [], [], set()

    def stop(self, reason: str) -> None:
        """End the search; the cohort under way is left out as a whole: a part of it would be a matter of chance."""
        if self.under_way or not self.exhausted:
            self.stopped = reason
        self._forget_cohort()

    def left_out(self) -> str:
        """Which trials were left out once the search was stopped, the same text for the same trials; empty for none."""
        if not self.stopped:
            return ""
        family, horizon = self.key
        return f"trials {len(self.finished)} to {self._settings.trials - 1} of {family} h{horizon}"

    def chosen(self) -> int:
        """The complete trial with the best rank IC; the earlier of equals, the specification's own where none is."""
        complete = [number for number in self.finished if self.records[number].ending is Ending.COMPLETE]
        return min(complete, key=lambda number: (-self.records[number].rank_ic, number), default=0)

    def fits_to_come(self) -> int:
        """How many fits have not been handed out yet, if no trial fails."""
        keep, rungs, cohort = self._settings.keep, len(self.rungs), self._settings.cohort
        left = 0 if self.exhausted else self._settings.trials - self._asked
        if self._asked == 0:
            return fits_of_trials(left, cohort, rungs, keep) if left else 0
        count, ahead = fits_of_others(left, cohort, rungs, keep), rungs - self._rung
        others = sum(number != 0 for number in self._on_rung)
        count += sum(rung_sizes(others, ahead, keep)[1:]) if others else 0
        return count + (ahead - 1 if 0 in self._on_rung else 0)
