"""The loop on the driver that has fits run elsewhere: enough in flight for every core, each failure tried once more.

Where they run is behind the Protocol ``Runner``; ``spark_fits`` has the one that runs them as Spark tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from afterbell.cluster.report import report
from afterbell.errors import PermanentError, TaskLostError
from afterbell.training.fit_groups import Costs, take_group
from afterbell.training.fits import NO_TIME, Fit, FitResult, failure_of
from afterbell.training.matrix import Matrix
from afterbell.training.spec import ModelSpec

FAILED_SHARE = 0.25
"""Share of a run's fits that may fail: three of twelve. With more the cause is common to them, and hardly passing."""
_IN_FLIGHT = 256
"""Most tasks in flight: each has a thread of the driver that waits for it."""
_LOOK = 0.5
"""Seconds between two checks of whether the time is over, and of how many cores there are."""
_REASONS = 3


class Judge(Protocol):
    """What is kept of a fold's predictions, where they themselves are not needed: called where the fit runs.

    Everything that decides the answer is part of ``repr``: fits of another judge are other fits.
    """

    def __call__(self, matrix: Matrix, fit: Fit, predictions: bytes) -> bytes:
        """What stands in the place of ``predictions``, float32, one value a row of the test windows."""
        ...


@dataclass(frozen=True)
class Job:
    """A fit and the specification that it belongs to.

    Attributes:
        fit: the fit.
        spec: the specification.
        judge: makes of the predictions what is kept of them; None to keep them.
    """

    fit: Fit
    spec: ModelSpec
    judge: Judge | None = None


class Source(Protocol):
    """Where the jobs of a fan-out come from: later ones may depend on results of earlier ones.

    Its jobs are numbered from 0 in the order in which they were taken. All calls come from one thread.
    """

    def take(self, costs: Costs, cores: int) -> Sequence[Job]:
        """The jobs that can begin and were not taken before; asked for again whenever a fit is done.

        There are no more to come once nothing is taken, and nothing is waiting or under way.
        """
        ...

    def learn(self, number: int, result: FitResult) -> None:
        """Take in the final result of a job."""
        ...

    def wants(self, number: int) -> bool:
        """Whether a job that has not begun is still to be done."""
        ...

    def planned(self) -> int:
        """How many jobs there will have been, as far as is known."""
        ...


class Runner(Protocol):
    """Where fits run."""

    @property
    def cores(self) -> int:
        """How many tasks run at a time; it may change."""
        ...

    def run(self, jobs: Sequence[Job]) -> list[FitResult]:
        """Run ``jobs`` one after the other in one task; a fit that raises comes back as one that failed.

        Raises:
            TaskLostError: the task ended without a result; others can run.
        """
        ...

    def cancel(self) -> None:
        """End the tasks that are running."""
        ...


class Records(Protocol):
    """Where results outlive the driver."""

    def read(self, jobs: Sequence[Job]) -> dict[int, FitResult]:
        """The results that are there, by the place of their job in ``jobs``."""
        ...

    def add(self, jobs: Sequence[Job], results: Sequence[FitResult]) -> None:
        """Keep the results of ``jobs``, without waiting for it; never fails."""
        ...


class _Nowhere:
    def read(self, _jobs: Sequence[Job]) -> dict[int, FitResult]:
        return {}

    def add(self, _jobs: Sequence[Job], _results: Sequence[FitResult]) -> None:
        return None


NOWHERE: Records = _Nowhere()
"""For runs whose results are not recorded."""


def fan_out(
    jobs: Sequence[Job],
    runner: Runner,
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
    records: Records = NOWHERE,
) -> list[FitResult]:
    """Run ``jobs`` in the given order as cores come free, without those that are recorded.

    A fit that raises, or whose task is lost, is tried once more in a task of its own; then it comes back as one that
    failed. Once the time is over none begins, those under way are ended, and each of them comes back with a reason.

    Args:
        jobs: of one run.
        runner: where they run.
        progress: called as each fit ends, with the number of fits done.
        over: set when the time is over; None where nothing limits it.
        records: where results are looked for, and kept.

    Returns:
        Their results, in the order of ``jobs``.

    Raises:
        PermanentError: more fits failed than a run may lose.
    """
    results = fan_out_from(_Listed(jobs), runner, progress, over, records)
    return [results[number] for number in range(len(jobs))]


def fan_out_from(
    source: Source,
    runner: Runner,
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
    records: Records = NOWHERE,
) -> dict[int, FitResult]:
    """Run the jobs of ``source`` as ``fan_out`` does, until it has no more; the same arguments otherwise.

    Returns:
        The results by the number of the job, without jobs that were not wanted any more before they began.

    Raises:
        PermanentError: more fits failed than a run may lose.
    """
    return _Loop(source, runner, progress, over or Event(), records).run()


class _Listed:
    """Jobs that are known before the first begins."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._waiting, self._count = jobs, len(jobs)

    def take(self, _costs: Costs, _cores: int) -> Sequence[Job]:
        taken, self._waiting = self._waiting, ()
        return taken

    def learn(self, _number: int, _result: FitResult) -> None:
        return None

    def wants(self, _number: int) -> bool:
        return True

    def planned(self) -> int:
        return self._count


def failures_allowed(fits: int) -> int:
    """How many of ``fits`` may fail; one at least."""
    return max(1, int(FAILED_SHARE * fits))


class _Loop:
    """One fan-out under way."""

    def __init__(
        self,
        source: Source,
        runner: Runner,
        progress: Callable[[int, FitResult], None],
        over: Event,
        records: Records,
    ) -> None:
        self._source, self._runner, self._progress = source, runner, progress
        self._jobs: list[Job] = []
        self._over, self._records = over, records
        self._abandoned = Event()
        self._results: dict[int, FitResult] = {}
        self._waiting: deque[tuple[int, Fit]] = deque()
        self._running: dict[Future[list[FitResult]], list[int]] = {}
        self._retried: set[int] = set()
        self._failed: list[FitResult] = []
        self._costs = Costs()

    def run(self) -> dict[int, FitResult]:
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            try:
                while self._refill():
                    self._step(pool)
            except BaseException:
                self._abandon()
                raise
        return self._results

    def _refill(self) -> bool:
        """Take what can begin, and drop what is not wanted any more; whether anything is left to wait for."""
        while jobs := self._source.take(self._costs, self._cores()):
            self._add(jobs)
        self._waiting = deque(entry for entry in self._waiting if self._source.wants(entry[0]))
        report("fits", len(self._results), self._source.planned())
        return bool(self._waiting or self._running)

    def _add(self, jobs: Sequence[Job]) -> None:
        first = len(self._jobs)
        self._jobs += jobs
        known = self._records.read(jobs)
        for place, job in enumerate(jobs):
            if place in known:
                self._keep(first + place, known[place])
            else:
                self._waiting.append((first + place, job.fit))

    def _cores(self) -> int:
        return max(1, self._runner.cores)

    def _step(self, pool: ThreadPoolExecutor) -> None:
        cores = self._cores()
        # A few more than there are cores, which may become more: a core that comes free finds its next task waiting.
        # Not many more: what waits elsewhere has lost its place in the order.
        while self._waiting and len(self._running) < min(_IN_FLIGHT, cores + max(1, cores // 4)):
            group = take_group(self._waiting, self._costs, cores, self._retried)
            self._running[pool.submit(self._try, group)] = group
        done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            self._take_in(self._running.pop(future), future.result())
        if self._is_over():
            # Again and again: a fit may have begun in the moment before.
            self._runner.cancel()

    def _try(self, group: Sequence[int]) -> list[FitResult]:
        """In a thread of its own: the results of a group, whatever becomes of its task."""
        jobs = [self._jobs[number] for number in group]
        if self._is_over():
            return [FitResult(job.fit, NO_TIME) for job in jobs]
        try:
            return self._runner.run(jobs)
        except Exception as error:
            if self._is_over():
                return [FitResult(job.fit, NO_TIME) for job in jobs]
            if isinstance(error, TaskLostError):
                return [failure_of(job.fit, error) for job in jobs]
            raise

    def _is_over(self) -> bool:
        return self._over.is_set() or self._abandoned.is_set()

    def _take_in(self, group: Sequence[int], results: Sequence[FitResult]) -> None:
        kept = [(number, result) for number, result in zip(group, results, strict=True) if self._keeps(number, result)]
        sound = [(self._jobs[number], result) for number, result in kept if not result.failed]
        sound = [(job, result) for job, result in sound if result.reason != NO_TIME]
        if sound:
            self._records.add([job for job, _ in sound], [result for _, result in sound])
        for number, result in kept:
            self._keep(number, result)
            self._progress(len(self._results), result)
        self._check_budget()

    def _keep(self, number: int, result: FitResult) -> None:
        self._results[number] = result
        if result.failed:
            self._failed.append(result)
        self._costs.learn(result)
        self._source.learn(number, result)

    def _keeps(self, number: int, result: FitResult) -> bool:
        """Whether ``result`` is final; a first failure is not, and its fit waits again, before all others."""
        if result.failed and number not in self._retried:
            self._retried.add(number)
            self._waiting.appendleft((number, result.fit))
            return False
        return True

    def _check_budget(self) -> None:
        allowed = failures_allowed(len(self._jobs))
        if len(self._failed) > allowed:
            first = "; ".join(f"{result.fit.name}: {result.reason}" for result in self._failed[:_REASONS])
            failed = f"{len(self._failed)} of {len(self._jobs)} fits"
            raise PermanentError(
                f"{failed} failed twice, expected {allowed} at most: {first}. Fix the cause (the executors' logs have "
                "the whole errors), then start the step again: fits that are done are not repeated"
            )

    def _abandon(self) -> None:
        """End what is running, so that an error doesn't wait for it."""
        self._abandoned.set()
        while self._running:
            self._runner.cancel()
            done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                del self._running[future]
