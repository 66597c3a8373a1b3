"""What a search is worth: on a planted optimum, against drawing at random, and where there is nothing to find."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.trial_scores import describe_search
from afterbell.training.fitting import run_fit
from afterbell.training.matrix import session_starts
from afterbell.training.search.study import Study
from afterbell.training.targets import session_targets
from tests.training.conftest import make_matrix
from tests.training.search.test_study import RUNGS, drive, scored
from tests.training.search.world import LocalRunner, run_search, search_spec

PENALTY = {"ridge": {"penalty": {"low": 0.001, "high": 100.0, "log": True}}}
FEATURES = 100


def make_wide(seed):
    """Many features of one factor that the label depends on: without a strong penalty their noise is fitted."""
    base, dice = make_matrix(0.0, symbols=22, seed=seed), np.random.default_rng([seed, 1])
    rows = base.sessions.size
    factor = dice.standard_normal(rows)
    features = factor + dice.standard_normal((FEATURES, rows))
    labels = (0.3 * factor + math.sqrt(1 - 0.3**2) * dice.standard_normal(rows)).astype(np.float32)[None] / 50
    labels[np.isnan(base.labels)] = np.nan
    return replace(
        base,
        features=features.astype(np.float32),
        labels=labels,
        targets=session_targets(labels[0], session_starts(base.sessions), "rank")[None],
        names=tuple(f"f{number}" for number in range(FEATURES)),
    )


def rank_ic_of(matrix, fold):
    values, window = np.frombuffer(fold.predictions, np.float32), matrix.rows(fold.fit.test_first, fold.fit.test_last)
    days, labels = matrix.sessions[window], matrix.labels[0, window]
    return np.mean([stats.spearmanr(values[days == day], labels[days == day]).statistic for day in np.unique(days)])


def with_penalty(penalty, trials=1, **settings):
    return search_spec(trials, families={"ridge": {"penalty": penalty}}, within=PENALTY, **settings)


@pytest.mark.parametrize("choice", [{}, {"choice": "combinatorial_purged", "groups": 4, "test_groups": 2}])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_search_comes_within_a_tenth_of_the_known_optimum(seed, choice):
    matrix = make_wide(seed)
    split = {"folds": 4, "test_sessions": 15, "min_train_sessions": 20, "embargo": 1} | choice
    spec = with_penalty(0.001, 16, cohort=8, split=split)
    result, _ = run_search(spec, matrix, LocalRunner(matrix))
    (reported,) = result.outcome.folds  # which the choice did not see
    known = [rank_ic_of(matrix, run_fit(reported.fit, with_penalty(one), matrix)) for one in np.logspace(-3, 2, 21)]
    assert known[0] < 0.9 * max(known), "there is nothing to search for"
    assert rank_ic_of(matrix, reported) >= 0.9 * max(known)


def test_tpe_is_on_average_no_worse_than_drawing_at_random():
    def regret(sampler, seed):
        study = Study(("ridge", 1), search_spec(64, cohort=8, sampler=sampler).model_copy(update={"seed": seed}), RUNGS)

        def value(number, fit):
            params = study.records[number].trial.params
            return scored(fit, -((math.log10(params["penalty"]) - 1.3) ** 2) - (params["clip"] - 6.6) ** 2)

        drive(study, value)
        return -study.records[study.chosen()].rank_ic

    tpe, chance = (np.mean([regret(sampler, seed) for seed in range(8)]) for sampler in ("tpe", "random"))
    assert tpe <= chance


def test_where_there_is_nothing_to_find_the_deflated_sharpe_ratio_says_so():
    within = {"lightgbm": {"num_leaves": {"low": 3, "high": 12}, "feature_fraction": {"low": 0.3, "high": 1.0}}}
    trees = {"lightgbm": {"rounds": 5, "num_leaves": 4, "learning_rate": 0.1}}
    ratios = []
    for seed in range(5):
        matrix = make_matrix(0.0, symbols=40, seed=seed)
        spec = search_spec(12, cohort=6, families=trees, within=within, keep=1.0)
        result, _ = run_search(spec, matrix, LocalRunner(matrix))
        (entry,) = describe_search(result.studies)
        ratios.append(entry["deflated_sharpe"])
    assert np.mean(ratios) < 0.5
    assert max(ratios) < 0.95


def test_an_entry_says_what_was_planned_done_pruned_and_left_out():
    matrix = make_matrix(0.15, symbols=60)
    result, _ = run_search(search_spec(8, cohort=8), matrix, LocalRunner(matrix))
    (entry,) = describe_search(result.studies)
    assert (entry["planned"], entry["done"], entry["left_out"], entry["why"]) == (8, 8, "", "")
    # Beside the specification's own, 7, 4 and 2 trials do the three folds of the choice.
    assert (entry["complete"], entry["pruned"], entry["failed"]) == (3, 5, 0)
    assert [trial["folds"] for trial in entry["trials"] if trial["ending"] == "complete"] == [3, 3, 3]
    assert max(trial["rank_ic"] for trial in entry["trials"] if trial["ending"] == "complete") == next(
        trial["rank_ic"] for trial in entry["trials"] if trial["number"] == entry["chosen"]
    )
