"""The loop that has fits run elsewhere: order, second tries, the budget, records, and the end of the time."""

import threading
from collections import defaultdict

import pytest

from afterbell.errors import PermanentError, TaskLostError
from afterbell.training.fan_out import Job, failures_allowed, fan_out, fan_out_from
from afterbell.training.fits import FINAL, NO_TIME, Fit, FitResult, failure_of, settle
from tests.training.conftest import make_spec

SPEC = make_spec()


def jobs(count):
    return [Job(Fit("ridge", 1, number, 100), SPEC) for number in range(count)]


def done(job, seconds=5.0):
    return FitResult(job.fit, rows=1, predictions=b"%d" % job.fit.fold, seconds=seconds)


class Runner:
    """Fits that do what ``behave`` says of a fold and how often it was tried."""

    def __init__(self, behave=None, cores=2):
        self.behave, self.cores = behave or (lambda job, _tries: done(job)), cores
        self.groups, self.tries, self.lock = [], defaultdict(int), threading.Lock()
        self.cancelled = threading.Event()

    def run(self, given):
        with self.lock:
            self.groups.append([job.fit.fold for job in given])
            for job in given:
                self.tries[job.fit.fold] += 1
        return [self.behave(job, self.tries[job.fit.fold]) for job in given]

    def cancel(self):
        self.cancelled.set()


def ignore(_done, _result):
    return None


def failing(*folds, tries=1):
    """Fits of ``folds`` raise, the first ``tries`` times."""

    def behave(job, attempt):
        if job.fit.fold in folds and attempt <= tries:
            return failure_of(job.fit, ValueError("no memory\nmore"))
        return done(job)

    return behave


def losing(*folds, tries=1):
    """The task of one of ``folds`` is lost, with all that are in it."""

    def behave(job, attempt):
        if job.fit.fold in folds and attempt <= tries:
            raise TaskLostError("its executor is gone")
        return done(job)

    return behave


def test_results_come_in_the_order_of_the_jobs_and_each_is_reported_once():
    seen = []
    results = fan_out(jobs(30), Runner(), lambda count, result: seen.append((count, result.fit.fold)))
    assert [result.predictions for result in results] == [b"%d" % number for number in range(30)]
    assert [count for count, _ in seen] == list(range(1, 31))
    assert sorted(fold for _, fold in seen) == list(range(30))


@pytest.mark.parametrize("behave", [failing(3), losing(3)], ids=["raises", "loses its task"])
def test_a_fit_that_fails_once_is_tried_again_and_gives_the_same_results(behave):
    runner = Runner(behave)
    assert fan_out(jobs(12), runner, ignore) == fan_out(jobs(12), Runner(), ignore)
    assert runner.tries == dict.fromkeys(range(12), 1) | {3: 2}


def test_a_fit_that_fails_twice_costs_that_fit_and_no_third_try():
    runner = Runner(failing(3, tries=9))
    results = fan_out(jobs(12), runner, ignore)
    assert runner.tries[3] == 2
    assert results[3] == FitResult(Fit("ridge", 1, 3, 100), "failed: ValueError: no memory", failed=True)
    assert [result.fit.fold for result in results if result.predictions] == [*range(3), *range(4, 12)]


def test_a_group_whose_task_is_lost_is_tried_again_one_by_one():
    def behave(job, attempt):
        if job.fit.fold == 9:
            raise TaskLostError("its executor is gone")
        return done(job, seconds=0.001)

    runner = Runner(behave)
    results = fan_out(jobs(40), runner, ignore)
    assert [result.fit.fold for result in results if result.failed] == [9]
    (shared,) = (group for group in runner.groups if 9 in group and len(group) > 1)
    again = [group for group in runner.groups if len(group) == 1 and group[0] in shared]
    assert sorted(fold for (fold,) in again) == shared


def test_more_failures_than_the_budget_end_the_run_with_the_first_reasons():
    assert [failures_allowed(count) for count in (1, 4, 12, 100)] == [1, 1, 3, 25]
    three = fan_out(jobs(12), Runner(failing(0, 4, 8, tries=9)), ignore)
    assert sum(result.failed for result in three) == 3
    message = r"4 of 12 fits failed twice, expected 3 at most: ridge h1 fold \d+: failed: ValueError: no memory; ridge"
    with pytest.raises(PermanentError, match=message):
        fan_out(jobs(12), Runner(failing(0, 4, 8, 11, tries=9)), ignore)


def test_what_is_no_failure_of_a_fit_ends_the_run_at_once_and_ends_what_is_running():
    started, runner = threading.Event(), Runner()

    def behave(job, attempt):
        if job.fit.fold == 0:
            started.wait()
            raise ConnectionError("the cluster is gone")
        started.set()
        assert runner.cancelled.wait(600)
        raise InterruptedError

    runner.behave = behave
    with pytest.raises(ConnectionError, match="the cluster is gone"):
        fan_out(jobs(12), runner, ignore)


def test_once_the_time_is_over_none_begins_and_those_under_way_are_ended():
    over, runner = threading.Event(), Runner()

    def behave(job, attempt):
        if job.fit.fold < 2:
            return done(job)
        assert runner.cancelled.wait(600)
        raise InterruptedError

    def progress(count, result):
        if count == 2:
            over.set()

    runner.behave = behave
    results = fan_out(jobs(12), runner, progress, over)
    assert [result.reason for result in results] == ["", "", *[NO_TIME] * 10]
    assert sum(runner.tries.values()) < 12


def test_as_many_tasks_as_cores_are_under_way_and_one_more_waits():
    both, most, runner = threading.Barrier(3), [], Runner()

    def behave(job, attempt):
        if job.fit.fold < 3:
            both.wait(600)  # three at once, or the test hangs
        with runner.lock:
            most.append(len(runner.groups))
        return done(job)

    runner.behave = behave
    fan_out(jobs(3), runner, ignore)
    assert len(most) == 3


class Kept:
    """Records in memory."""

    def __init__(self, known=()):
        self.known, self.added = dict(known), []

    def read(self, given):
        return {number: self.known[job.fit.fold] for number, job in enumerate(given) if job.fit.fold in self.known}

    def add(self, _given, results):
        self.added += results


def test_recorded_results_are_not_repeated_and_others_are_recorded_unless_they_failed():
    known = {job.fit.fold: done(job, 7.0) for job in jobs(5)}
    records, runner, seen = Kept(known), Runner(failing(6, tries=9)), []
    results = fan_out(jobs(12), runner, lambda count, _: seen.append(count), records=records)
    assert set(runner.tries) == set(range(5, 12))
    assert results[:5] == list(known.values())
    assert seen == list(range(6, 13))
    assert sorted(result.fit.fold for result in records.added) == [5, *range(7, 12)]


def test_fits_that_were_not_done_in_time_are_not_recorded():
    over, records = threading.Event(), Kept()
    over.set()
    assert {result.reason for result in fan_out(jobs(3), Runner(), ignore, over, records)} == {NO_TIME}
    assert records.added == []


def test_a_model_whose_other_folds_ran_is_kept_without_the_one_that_failed():
    final = FitResult(Fit("ridge", 1, FINAL, 127), model=b"{}")
    sound = FitResult(Fit("ridge", 1, 1, 80, 90, 109), predictions=b"0000")
    lost = failure_of(Fit("ridge", 1, 0, 60, 70, 89), MemoryError())
    kept = settle([sound, lost, final], [])
    assert (kept.finals, kept.folds) == ((final,), (sound,))
    assert kept.skipped == ("ridge h1 fold 1: failed: MemoryError: no message",)
    assert (kept.failed, kept.late) == (("ridge h1 fold 1",), ())
    without = settle([sound, failure_of(final.fit, MemoryError())], [])
    assert without.finals == ()
    assert without.skipped[-1].startswith("ridge h1: no model")


class Growing:
    """Ten jobs, each of which brings one more when it is done, up to thirty; those of ``dropped`` folds are dropped."""

    def __init__(self, dropped=()):
        self.ready, self.dropped, self.learned, self.given = jobs(10), set(dropped), {}, []

    def take(self, _costs, _cores):
        taken, self.ready = self.ready, []
        self.given += taken
        return taken

    def learn(self, number, result):
        assert self.given[number].fit == result.fit
        self.learned[number] = result
        if len(self.given) + len(self.ready) < 30:
            self.ready += jobs(len(self.given) + len(self.ready) + 1)[-1:]

    def wants(self, number):
        return self.given[number].fit.fold not in self.dropped

    def planned(self):
        return 30 - len(self.dropped)


def test_jobs_that_come_with_results_are_done_until_there_are_no_more():
    source, runner = Growing(), Runner()
    results = fan_out_from(source, runner, ignore)
    assert results == source.learned
    assert {number: result.fit.fold for number, result in results.items()} == {number: number for number in range(30)}
    assert set(runner.tries.values()) == {1}


def test_jobs_that_are_not_wanted_any_more_are_not_begun():
    source, runner = Growing(dropped=(7, 9)), Runner()
    assert 9 not in fan_out_from(source, runner, ignore)
    assert not {7, 9} & set(runner.tries)


def test_results_of_later_jobs_are_looked_for_among_the_records_too():
    known = {fold: done(jobs(30)[fold]) for fold in range(5, 30)}
    source, runner = Growing(), Runner()
    results = fan_out_from(source, runner, ignore, records=Kept(known))
    assert set(runner.tries) == set(range(5))
    assert sorted(results) == list(range(30))


def test_a_later_job_that_fails_is_tried_again_like_any_other():
    source, runner = Growing(), Runner(failing(12))
    fan_out_from(source, runner, ignore)
    assert runner.tries[12] == 2
    assert source.learned[12].predictions == b"12"
