"""A search as a whole, on planted signals: what it finds, in any order, on any number of cores, killed or cut short."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from afterbell.evaluation.trial_scores import describe_search
from afterbell.training.fits import FINAL
from afterbell.training.matrix import Matrix
from afterbell.training.spec import ModelSpec
from tests.training.conftest import make_matrix
from tests.training.search.test_planted import make_wide, with_penalty
from tests.training.search.world import (
    WITHIN,
    KilledError,
    LocalRunner,
    Shelf,
    essence,
    run_search,
    search_spec,
)

TWO = {"ridge": {"penalty": 0.1}, "lightgbm": {"rounds": 5, "num_leaves": 4, "learning_rate": 0.1}}
WITHIN_TWO = WITHIN | {"lightgbm": {"num_leaves": {"low": 3, "high": 12}, "learning_rate": {"low": 0.01, "high": 0.3}}}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return make_matrix(0.15, symbols=60)


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return search_spec(10, families=TWO, within=WITHIN_TWO)


@pytest.fixture(scope="module")
def undisturbed(matrix, spec):
    runner = LocalRunner(matrix, cores=1)
    result, search = run_search(spec, matrix, runner)
    assert search.planned() == sum(runner.ran.values())
    return result, runner.ran


@pytest.mark.parametrize(("cores", "shuffled"), [(2, 1), (5, 2)])
def test_the_result_is_the_same_on_any_number_of_cores_and_in_any_order(matrix, spec, undisturbed, cores, shuffled):
    runner = LocalRunner(matrix, cores=cores, shuffled=shuffled)
    result, _ = run_search(spec, matrix, runner)
    assert essence(result) == essence(undisturbed[0])
    assert runner.ran == undisturbed[1]


@pytest.mark.parametrize("dies_after", [1, 13, 40])
def test_a_driver_that_is_killed_and_comes_back_repeats_no_fit(matrix, spec, undisturbed, dies_after):
    shelf, first = Shelf(), LocalRunner(matrix, dies_after=dies_after)
    with pytest.raises(KilledError):
        run_search(spec, matrix, first, records=shelf)
    second = LocalRunner(matrix, shuffled=3)
    kept = set(shelf.results)
    result, _ = run_search(spec, matrix, second, records=shelf)
    assert essence(result) == essence(undisturbed[0])
    assert not kept & set(second.ran)
    assert set(second.ran.values()) == {1}
    assert kept | set(second.ran) == set(undisturbed[1])


def test_each_fit_is_done_once_and_the_chosen_alone_are_reported(undisturbed, spec):
    result, ran = undisturbed
    assert set(ran.values()) == {1}
    assert [study.key for study in result.studies] == [("lightgbm", 1), ("ridge", 1)]
    assert {one.fit.fold for one in result.outcome.folds} == {3}
    assert [one.fit.fold for one in result.outcome.finals] == [FINAL, FINAL]
    assert (result.left_out, result.outcome.failed, result.outcome.late) == ((), (), ())


def test_with_one_trial_there_is_no_search(matrix):
    runner = LocalRunner(matrix)
    result, search = run_search(search_spec(1), matrix, runner)
    assert result.studies == ()
    assert len(result.outcome.folds) == 4
    assert search.planned() == sum(runner.ran.values()) == 5


class Clock:
    """Seconds left, fewer by one with each fit that ends."""

    def __init__(self, seconds, runner):
        self.seconds, self.runner = seconds, runner

    def __call__(self):
        return self.seconds - sum(self.runner.ran.values())


def costs_a_second(runner):
    """Whatever a fit takes, it says one second."""
    plain = runner.run

    def run(jobs):
        return [replace(result, seconds=1.0 if result.seconds else 0.0) for result in plain(jobs)]

    runner.run = run
    return runner


@pytest.mark.parametrize("seconds", [0, 6, 25, 36])
def test_a_search_without_enough_time_has_whole_models_of_every_family(matrix, spec, seconds):
    runner = costs_a_second(LocalRunner(matrix, cores=1))
    result, _ = run_search(spec, matrix, runner, seconds_left=Clock(seconds, runner))
    assert [one.fit.family for one in result.outcome.finals] == ["lightgbm", "ridge"]
    assert {one.fit.family for one in result.outcome.folds} == {"lightgbm", "ridge"}
    assert len(result.left_out) == 2
    if seconds <= 6:
        assert result.left_out == ("trials 0 to 9 of lightgbm h1", "trials 0 to 9 of ridge h1")
        assert len(runner.ran) <= 6
    assert [entry["why"] for entry in describe_search(result.studies)] == [
        "the time before the deadline was needed for the models to report"
    ] * 2
    assert any(line.startswith("trials ") for line in result.outcome.skipped)


@pytest.mark.parametrize("cores", [1, 3])
def test_a_search_with_a_third_of_the_time_it_needs_ends_in_time_with_a_release(matrix, spec, undisturbed, cores):
    runner = costs_a_second(LocalRunner(matrix, cores=cores))
    clock = Clock(0.3 * sum(undisturbed[1].values()), runner)
    result, _ = run_search(spec, matrix, runner, seconds_left=lambda: clock() / cores)
    assert clock() >= 0
    assert [one.fit.family for one in result.outcome.finals] == ["lightgbm", "ridge"]
    assert {one.fit.family for one in result.outcome.folds} == {"lightgbm", "ridge"}
    assert [study.why for study in result.studies] == [
        "the time before the deadline was needed for the models to report"
    ] * 2


def test_with_time_to_spare_the_choice_is_that_of_a_search_without_an_end(matrix, spec, undisturbed):
    result, _ = run_search(spec, matrix, LocalRunner(matrix), seconds_left=lambda: 1e9)
    assert essence(result) == essence(undisturbed[0])


def test_what_a_cut_search_found_is_that_of_fewer_trials(matrix, spec):
    """The finished cohorts are those of the full search; nothing that was under way has an influence."""
    runner = costs_a_second(LocalRunner(matrix, cores=1))
    cut, _ = run_search(spec, matrix, runner, seconds_left=Clock(36, runner))
    full, _ = run_search(spec, matrix, LocalRunner(matrix))
    for part, whole in zip(cut.studies, full.studies, strict=True):
        assert len(part.trials) in {4, 8}
        assert all(whole.trials[number].values == one.values for number, one in part.trials.items())


def test_when_the_time_ends_before_the_models_of_the_choice_those_of_the_own_setting_are_reported():
    # The factor is in all features alike: with its own setting the model fits their noise.
    matrix, spec, over = make_wide(1), with_penalty(0.001, 4), threading.Event()
    runner = LocalRunner(matrix, cores=1)
    plain = runner.run

    def run(jobs):
        if any(job.judge is None and job.spec != spec for job in jobs):
            over.set()  # the deadline falls between the choice and its models
            raise InterruptedError
        return plain(jobs)

    runner.run = run
    result, _ = run_search(spec, matrix, runner, seconds_left=lambda: 1e9, over=over)
    (study,) = result.studies
    assert study.chosen > 0
    assert study.used == 0
    assert result.left_out == (f"models of trial {study.chosen} of ridge h1",)
    assert [one.fit.fold for one in (*result.outcome.finals, *result.outcome.folds)] == [FINAL, 3]
