"""Cohorts and rungs by hand: who goes on, who is pruned, and what the sampler is given, in whatever order fits end."""

from __future__ import annotations

import random

import numpy as np
import pytest

from afterbell.training.fits import NO_TIME, Fit, FitResult, failure_of
from afterbell.training.search.samplers import Ending
from afterbell.training.search.scores import FoldScores, mean_rank_ic, net_by_session
from afterbell.training.search.sizes import fits_of_trials, rung_sizes
from afterbell.training.search.study import Study
from tests.training.search.world import search_spec

RUNGS = tuple(Fit("ridge", 1, fold, 40 + fold, 50 + fold, 51 + fold) for fold in range(3))


def scored(fit, *rank_ics):
    values = np.array(rank_ics, np.float64)
    return FitResult(fit, predictions=FoldScores(np.arange(values.size) + 50.0, values, values).encode(), seconds=1.0)


def drive(study, value, dice=None):
    """Do everything that a study asks for; ``value`` of a trial and a fold, in an order that ``dice`` decides."""
    done = []
    while not study.exhausted:
        waiting = study.open_cohort()
        while waiting:
            number, fit = waiting.pop(dice.randrange(len(waiting)) if dice else 0)
            done.append((number, fit.fold))
            waiting += study.learn(number, value(number, fit))
    return done


def test_the_better_half_goes_on_from_fold_to_fold():
    study = Study(("ridge", 1), search_spec(8, cohort=8), RUNGS)
    done = drive(study, lambda number, fit: scored(fit, number / 100))
    # Trial 0 is the worst, and goes on all the same: it is the one that all are compared with.
    assert [number for number, fold in done if fold == 1] == [0, 4, 5, 6, 7]
    assert [number for number, fold in done if fold == 2] == [0, 6, 7]
    endings = {number: record.ending for number, record in study.records.items()}
    assert [number for number, ending in endings.items() if ending is Ending.COMPLETE] == [0, 6, 7]
    assert [number for number, ending in endings.items() if ending is Ending.PRUNED] == [1, 2, 3, 4, 5]
    assert study.chosen() == 7


def test_of_equals_the_earlier_goes_on_and_is_chosen():
    study = Study(("ridge", 1), search_spec(8, cohort=8), RUNGS)
    done = drive(study, lambda _, fit: scored(fit, 0.01))
    assert [number for number, fold in done if fold == 2] == [0, 1, 2]
    assert study.chosen() == 0


def test_a_third_goes_on_or_all_of_them():
    assert rung_sizes(9, 3, 1 / 3) == [9, 3, 1]
    assert rung_sizes(8, 3, 0.5) == [8, 4, 2]
    assert rung_sizes(8, 3, 1.0) == [8, 8, 8]
    assert rung_sizes(1, 3, 0.5) == [1, 1, 1]
    # Trial 0 does all three folds, and beside it 7, 4, 2 trials of the first cohort; then 8, 4, 2 and 4, 2, 1.
    assert fits_of_trials(20, 8, 3, 0.5) == 3 + 13 + 14 + 7
    assert fits_of_trials(1, 8, 3, 0.5) == 3


@pytest.mark.parametrize("trials", [1, 5, 8, 21])
def test_as_many_fits_are_done_as_were_counted(trials):
    study = Study(("ridge", 1), search_spec(trials, cohort=8), RUNGS)
    counted = study.fits_to_come()
    assert len(drive(study, lambda number, fit: scored(fit, number % 7))) == counted
    assert study.fits_to_come() == 0


def test_fits_to_come_are_counted_down_from_rung_to_rung():
    study = Study(("ridge", 1), search_spec(12, cohort=8), RUNGS)
    assert study.fits_to_come() == 16 + 7
    waiting = study.open_cohort()
    assert study.fits_to_come() == 8 + 7
    for number, fit in waiting:
        more = study.learn(number, scored(fit, 0.1))
    assert len(more) == 5
    assert study.fits_to_come() == 3 + 7


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_order_in_which_fits_end_changes_nothing(sampler):
    def value(number, fit):
        return scored(fit, np.sin(number) / 10 + fit.fold / 100)

    studies = []
    for dice in (None, random.Random(1), random.Random(2)):
        study = Study(("ridge", 1), search_spec(40, cohort=8, sampler=sampler), RUNGS)
        drive(study, value, dice)
        studies.append([(one.trial.params, one.values, one.ending) for one in study.records.values()])
    assert studies[0] == studies[1] == studies[2]
    assert len(studies[0]) == 40


def test_a_trial_that_fails_is_not_chosen_and_the_others_go_on():
    def value(number, fit):
        if number in {2, 5}:
            return failure_of(fit, MemoryError()) if number == 2 else FitResult(fit, "9 training rows")
        return scored(fit, number / 100)

    study = Study(("ridge", 1), search_spec(8, cohort=8), RUNGS)
    drive(study, value)
    assert study.chosen() == 7
    assert (study.records[2].ending, study.records[2].fit_failed) == (Ending.FAILED, True)
    assert (study.records[5].reason, study.records[5].fit_failed) == ("9 training rows", False)
    assert np.isnan(study.records[2].rank_ic)


def test_where_all_fail_the_specifications_own_setting_is_used():
    study = Study(("ridge", 1), search_spec(8, cohort=4), RUNGS)
    drive(study, lambda _, fit: scored(fit, np.nan))
    assert study.chosen() == 0
    assert study.records[0].reason == "no session of the folds to choose by has enough symbols"


def test_a_cohort_that_is_stopped_under_way_is_left_out_as_a_whole():
    study = Study(("ridge", 1), search_spec(12, cohort=4), RUNGS)
    waiting = study.open_cohort()
    while waiting:
        number, fit = waiting.pop(0)
        waiting += study.learn(number, scored(fit, number / 100))
    (first, fit), *_ = study.open_cohort()
    study.learn(first, scored(fit, 9.0))
    study.stop("no time")
    assert (study.finished, study.chosen(), study.left_out()) == ([0, 1, 2, 3], 3, "trials 4 to 11 of ridge h1")
    assert study.exhausted
    assert not study.awaits(first + 1, fit)
    assert study.fits_to_come() == 0
    assert NO_TIME not in study.left_out()


def test_a_search_that_is_done_has_left_nothing_out():
    study = Study(("ridge", 1), search_spec(4, cohort=4), RUNGS)
    drive(study, lambda _, fit: scored(fit, 0.1))
    study.stop("no time")
    assert study.left_out() == ""


def test_scores_are_means_over_sessions_not_over_folds():
    folds = [FoldScores.decode(scored(RUNGS[0], 0.1, np.nan, 0.2).predictions), FoldScores.decode(
        scored(RUNGS[1], 0.6).predictions
    )]  # fmt: skip
    assert mean_rank_ic(folds) == pytest.approx(0.3)
    # Session 50 was tested by both folds, 0.1 and 0.6; 51 has no portfolio.
    assert net_by_session(folds) == pytest.approx([0.35, np.nan, 0.2], nan_ok=True)
