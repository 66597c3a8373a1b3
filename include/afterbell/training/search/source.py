"""A search as the source of a fan-out: the studies of all families and horizons side by side, until the time is needed.

While the fits of one study wait for each other, those of the others fill the cores. With an end, first of all the
models of the specification's own setting are made: whatever becomes of the search, there is a release. From then on a
cohort is begun only where its fits, and the fits to report of every family and horizon, can be done in the time that is
left; once all of that time is needed to report, what is under way is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from afterbell.training.blocks import join
from afterbell.training.fan_out import Job, Judge
from afterbell.training.fit_groups import Costs
from afterbell.training.fits import FINAL, NO_TIME, Fit, FitResult, TrainingOutcome, settle
from afterbell.training.search.parts import Parts
from afterbell.training.search.sizes import rung_sizes
from afterbell.training.search.study import Key, Study, TrialRecord
from afterbell.training.spec import ModelSpec

SAFETY = 1.25
"""Times the seconds that fits are expected to take: their costs vary, and so does the machine."""
_TOO_LATE = "the time before the deadline was needed for the models to report"


@dataclass(frozen=True)
class _Task:
    """What a job is for.

    Attributes:
        kind: to choose by, or to report.
        key: family and horizon.
        trial: its number.
        fit: the fit.
    """

    kind: Literal["choice", "report"]
    key: Key
    trial: int
    fit: Fit


@dataclass(frozen=True)
class StudyResult:
    """Result of the search of one family and horizon.

    Attributes:
        key: family and horizon.
        planned: trials that were asked for.
        trials: those of the finished cohorts, by number.
        chosen: the best of them.
        used: whose models are reported: the specification's own where there was no time for those of ``chosen``.
        left_out: which trials were left out; empty for none.
        why: the reason of that.
    """

    key: Key
    planned: int
    trials: Mapping[int, TrialRecord]
    chosen: int
    used: int
    left_out: str
    why: str


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        outcome: of the fits to report; trials that failed are among ``failed``.
        studies: by family and horizon, ascending; none with one trial.
        left_out: what the clock left out of the search, in words that are the same for the same content.
    """

    outcome: TrainingOutcome
    studies: tuple[StudyResult, ...]
    left_out: tuple[str, ...]


class Search:
    """The fits of a run, with a search where the specification has several trials."""

    def __init__(
        self,
        spec: ModelSpec,
        parts: Parts,
        judge: Callable[[int], Judge],
        tell: Callable[[str], None],
        seconds_left: Callable[[], float] | None = None,
    ) -> None:
        """Nothing is begun yet.

        Args:
            spec: the specification.
            parts: its fits.
            judge: by the first session that the choice must know nothing of, what makes scores of predictions.
            tell: called with a line of text as a cohort ends.
            seconds_left: until fits must end; None where nothing limits them.

        Raises:
            ConfigError: the specification does not state what may be varied.
        """
        self._spec, self._parts, self._tell, self._left = spec, parts, tell, seconds_left
        self._studies = {key: Study(key, spec, fits) for key, fits in sorted(parts.choice.items())}
        self._judges = {horizon: judge(first) for horizon, first in parts.unseen.items()}
        self._tasks: list[_Task] = []
        self._open: set[int] = set()
        """Numbers of the jobs without a result."""
        self._ready: list[_Task] = []
        self._reported: set[Key] = set()
        self._results: dict[tuple[Key, int, Fit], FitResult] = {}
        self._learned = Costs()
        self._lost: list[str] = []
        self._begun = False

    # The source of a fan-out.

    def take(self, costs: Costs, cores: int) -> list[Job]:
        """The jobs that can begin now."""
        if not self._begun:
            self._begin()
        self._learned = costs
        self._stop_in_time(cores)
        for study in self._studies.values():
            if not (study.under_way or study.exhausted):
                self._go_on(study, cores)
        self._report_the_finished()
        tasks, self._ready = self._ready, []
        self._open |= set(range(len(self._tasks), len(self._tasks) + len(tasks)))
        self._tasks += tasks
        return [self._job(task) for task in tasks]

    def learn(self, number: int, result: FitResult) -> None:
        """Take in a result; of a trial that was left out since there is nothing to learn."""
        task = self._tasks[number]
        self._open.discard(number)
        if task.kind == "report":
            self._results[task.key, task.trial, task.fit] = result
        elif self.wants(number):
            self._learn_trial(task, result)

    def wants(self, number: int) -> bool:
        """Whether the fit of a trial is still needed."""
        task = self._tasks[number]
        return task.kind == "report" or self._studies[task.key].awaits(task.trial, task.fit)

    def planned(self) -> int:
        """How many fits there will have been."""
        known = sum(1 for number in self._open if self.wants(number)) + len(self._tasks) - len(self._open)
        to_come = sum(study.fits_to_come() for study in self._studies.values())
        reports = sum(1 for fit in self._parts.report if (fit.family, fit.horizon) not in self._reported)
        return known + to_come + reports

    def _job(self, task: _Task) -> Job:
        if task.kind == "report":
            return Job(task.fit, self._spec_of(task))
        return Job(task.fit, self._spec_of(task), self._judges[task.key[1]])

    def _spec_of(self, task: _Task) -> ModelSpec:
        return self._studies[task.key].records[task.trial].trial.spec if task.trial else self._spec

    # What is begun.

    def _begin(self) -> None:
        self._begun = True
        if not self._studies:
            self._ready += [_Task("report", (fit.family, fit.horizon), 0, fit) for fit in self._parts.report]
            self._reported = {task.key for task in self._ready}
        elif self._left is not None:
            self._ready += [_Task("report", (fit.family, fit.horizon), 0, fit) for fit in self._least()]

    def _least(self) -> list[Fit]:
        """The final fits and the newest folds: what models are released with."""
        newest = self._spec.split.folds - 1
        return [fit for fit in self._parts.report if fit.fold in {FINAL, newest}]

    def _go_on(self, study: Study, cores: int) -> None:
        """Begin the next cohort of a study where there is time for it, and stop the study where there isn't."""
        if self._left is None or self._left() > self._seconds_to_report(cores) + self._seconds_of_trials(cores, study):
            self._ready += [_Task("choice", study.key, trial, fit) for trial, fit in study.open_cohort()]
        else:
            self._stop(study)

    def _stop_in_time(self, cores: int) -> None:
        """Leave out what is under way once the time that is left is needed to report."""
        if self._left is None or not any(study.under_way for study in self._studies.values()):
            return
        trials = [self._price(self._tasks[number].fit) for number in self._open if self._is_choice(number)]
        if self._left() <= self._seconds_to_report(cores) + max(trials, default=0.0):
            for study in self._studies.values():
                self._stop(study)

    def _is_choice(self, number: int) -> bool:
        return self._tasks[number].kind == "choice"

    def _stop(self, study: Study) -> None:
        study.stop(_TOO_LATE)
        self._ready = [task for task in self._ready if task.kind == "report" or task.key != study.key]

    def _report_the_finished(self) -> None:
        finished = {
            key
            for key, study in self._studies.items()
            if key not in self._reported and study.exhausted and not study.under_way
        }
        if not finished:
            return
        self._reported |= finished
        done = {(task.key, task.trial, task.fit) for task in [*self._tasks, *self._ready] if task.kind == "report"}
        for fit in self._parts.report:
            key = (fit.family, fit.horizon)
            if key in finished and (key, self._studies[key].chosen(), fit) not in done:
                self._ready.append(_Task("report", key, self._studies[key].chosen(), fit))

    # What it costs.

    def _price(self, fit: Fit, rate: float = 0.0) -> float:
        """About how many seconds a fit takes; 0 where nothing is known of its family.

        Args:
            fit: the fit.
            rate: seconds that its setting was seen to take, for a session of training.
        """
        return max(self._learned.seconds(fit) or 0.0, rate * fit.work)

    def _seconds_to_report(self, cores: int) -> float:
        """The seconds that all fits to report take from now on, on all cores."""
        prices = [self._price(self._tasks[number].fit) for number in self._open if not self._is_choice(number)]
        for key, study in self._studies.items():
            if key not in self._reported:
                rate = study.records[study.chosen()].seconds
                prices += [self._price(fit, rate) for fit in self._parts.report_of(key)]
        return SAFETY * (sum(prices) / cores + max(prices, default=0.0))

    def _seconds_of_trials(self, cores: int, study: Study) -> float:
        """The seconds until a further cohort of ``study`` is done, with all that is under way."""
        prices = [self._price(task.fit) for task in self._waiting_trials()]
        sizes = rung_sizes(study.next_size(), len(study.rungs), self._spec.search.keep)
        prices += [size * self._price(fit) for size, fit in zip(sizes, study.rungs, strict=True)]
        # On each rung the last fit may begin as late as possible.
        return SAFETY * (sum(prices) / cores + sum(self._price(fit) for fit in study.rungs))

    def _waiting_trials(self) -> list[_Task]:
        return [*(self._tasks[number] for number in self._open if self._is_choice(number)), *self._ready]

    # What is learned.

    def _learn_trial(self, task: _Task, result: FitResult) -> None:
        study = self._studies[task.key]
        if result.reason == NO_TIME:
            self._stop(study)
            return
        finished = len(study.finished)
        self._ready += [_Task("choice", task.key, trial, fit) for trial, fit in study.learn(task.trial, result)]
        if len(study.finished) > finished:
            chosen = study.records[study.chosen()]
            self._tell(
                f"{task.key[0]} h{task.key[1]}: {len(study.finished)} of {self._spec.search.trials} trials, best rank "
                f"IC {chosen.rank_ic:.4f} of trial {chosen.trial.number}"
            )

    # What came of it.

    def result(self) -> SearchResult:
        """The result, once the fan-out has ended."""
        used = {key: self._used(key, study) for key, study in self._studies.items()}
        results = [result for (key, trial, _), result in self._results.items() if trial == used.get(key, 0)]
        missing = [
            fit
            for fit in self._parts.report
            if (key := (fit.family, fit.horizon)) in self._studies and (key, used[key], fit) not in self._results
        ]
        results += [FitResult(fit, NO_TIME) for fit in missing]
        outcome = settle(join(results), self._parts.skipped)
        studies = tuple(self._study_result(study, used[key]) for key, study in self._studies.items())
        left_out = [one.left_out for one in studies if one.left_out]
        left_out += [_name(one) for one in studies if one.used != one.chosen]
        reasons = [f"{what}: {_TOO_LATE}" for what in left_out]
        lost = [
            f"trial {number} of {one.key[0]} h{one.key[1]}"
            for one in studies
            for number, record in one.trials.items()
            if record.fit_failed
        ]
        # A trial that failed may have been the best: without it the choice is another, and so is the candidate.
        outcome = replace(outcome, failed=(*lost, *outcome.failed), skipped=(*outcome.skipped, *reasons))
        return SearchResult(outcome, studies, tuple(left_out))

    def _used(self, key: Key, study: Study) -> int:
        """The trial whose models are reported: the chosen one, unless the specification's own alone were in time."""
        chosen = study.chosen()
        return 0 if self._is_late(key, chosen) and not self._is_whole(key, chosen) else chosen

    def _is_late(self, key: Key, trial: int) -> bool:
        done = [self._results.get((key, trial, fit)) for fit in self._parts.report_of(key)]
        return any(result is None or result.reason == NO_TIME for result in done)

    def _is_whole(self, key: Key, trial: int) -> bool:
        own = [result for (of, number, _), result in self._results.items() if (of, number) == (key, trial)]
        done = join(own)
        return any(one.model for one in done) and any(one.predictions for one in done)

    def _study_result(self, study: Study, used: int) -> StudyResult:
        trials = {number: study.records[number] for number in study.finished}
        left_out = study.left_out()
        why = study.stopped if left_out else ""
        return StudyResult(study.key, self._spec.search.trials, trials, study.chosen(), used, left_out, why)


def _name(study: StudyResult) -> str:
    return f"models of trial {study.chosen} of {study.key[0]} h{study.key[1]}"
