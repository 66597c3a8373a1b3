"""A search draws the same settings everywhere, chooses without the sessions it reports, and says what it tried."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.errors import ConfigError, PermanentError
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.statistics import Sharpe
from afterbell.experiments.draw import Trial, trials
from afterbell.experiments.search import ScoredTrial, choose, entries, panel_of, score_trial, split
from afterbell.training.families.lightgbm import LightGBMParams
from afterbell.training.fits import FINAL, plan, run_fit
from afterbell.training.spec import ModelSpec, load_spec
from tests.training.conftest import SPEC, make_matrix

SEARCH = {
    "ridge": {"penalty": {"low": 0.001, "high": 10.0, "log": True}},
    "lightgbm": {"rounds": {"low": 5, "high": 9}},
}
COSTS = PortfolioSettings(cost_bps=5.0, sessions_per_year=252, min_symbols=20)


def make_spec(**changes: object) -> ModelSpec:
    return ModelSpec.model_validate(SPEC | {"search": SEARCH} | changes)


def test_the_first_trial_is_the_specification_itself():
    spec = make_spec()
    assert [trial.spec for trial in trials(spec, 1)] == [spec, spec]
    assert [(trial.family, trial.number) for trial in trials(spec, 2)] == [
        ("lightgbm", 0), ("lightgbm", 1), ("ridge", 0), ("ridge", 1),
    ]  # fmt: skip


def test_trials_are_drawn_by_seed_family_and_number_alone():
    many, few = trials(make_spec(), 20), trials(make_spec(), 3)
    by_name = {(trial.family, trial.number): trial.params for trial in many}
    assert all(by_name[trial.family, trial.number] == trial.params for trial in few)
    assert [trial.params for trial in trials(make_spec(), 20)] == [trial.params for trial in many]
    assert [trial.params for trial in trials(make_spec(seed=4), 20)] != [trial.params for trial in many]


def test_draws_lie_within_their_range_and_keep_their_type():
    for trial in trials(make_spec(), 50):
        if trial.family == "ridge":
            assert 0.001 <= trial.params["penalty"] <= 10.0
            assert trial.params["clip"] == 5.0
        else:
            assert trial.params["rounds"] in {5, 6, 7, 8, 9, 40}
            assert isinstance(trial.params["rounds"], int)
    drawn = [math.log10(trial.params["penalty"]) for trial in trials(make_spec(), 50) if trial.family == "ridge"]
    assert np.mean(drawn[1:]) == pytest.approx(-1.0, abs=0.6)  # evenly between -3 and 1


def test_the_setting_of_one_family_leaves_the_others_alone():
    spec = make_spec()
    for trial in trials(spec, 3):
        other = "ridge" if trial.family == "lightgbm" else "lightgbm"
        assert trial.spec.families.named()[other] == spec.families.named()[other]


def test_the_daily_specification_says_what_may_be_searched():
    found = trials(load_spec(), 50)
    assert len(found) == 100
    assert {type(trial.spec.families.lightgbm) for trial in found} == {LightGBMParams}


def test_several_trials_without_a_search_space_are_refused():
    with pytest.raises(ConfigError, match=r"the model specification has no search\.lightgbm"):
        trials(make_spec(search={}), 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ridge": {"alpha": {"low": 0, "high": 1}}}, {"ridge": {"penalty": {"low": 1, "high": 1}}},
        {"ridge": {"penalty": {"low": 0, "high": 1, "log": True}}}, {"forest": {}},
    ],
)  # fmt: skip
def test_a_search_space_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"has no parameter 'alpha'|must lie below|forest"):
        make_spec(search=wrong)


def test_a_draw_that_a_family_refuses_is_told():
    spec = make_spec(search={"ridge": {"penalty": {"low": -2.0, "high": -1.0}}, "lightgbm": SEARCH["lightgbm"]})
    with pytest.raises(ConfigError, match=r"search\.ridge of the model specification allows"):
        trials(spec, 2)


def test_one_trial_reports_every_fold_of_the_plan():
    spec = make_spec()
    parts = split(spec, 130, 1)
    assert parts.choice == ()
    assert list(parts.report) == plan(spec, 130)[0]


def test_the_choice_sees_the_earlier_folds_alone():
    parts = split(make_spec(), 130, 2)
    assert {fit.fold for fit in parts.choice} == {0, 1}
    assert {fit.fold for fit in parts.report} == {2, FINAL}
    assert max(fit.test_last for fit in parts.choice) < min(f.test_first for f in parts.report if f.fold != FINAL)


def test_a_search_with_one_fold_is_refused():
    with pytest.raises(PermanentError, match=r"horizon 1 has 1 fold\(s\)"):
        split(make_spec(), 70, 2)


def test_labels_that_reach_into_the_reported_sessions_do_not_count():
    matrix, spec = make_matrix(0.1), make_spec()
    last = next(fit for fit in split(spec, 130, 2).choice if fit.family == "ridge" and fit.fold == 1)
    unseen = last.test_last + 1
    panel = panel_of(matrix, run_fit(last, spec, matrix), unseen)
    # The label of session t over one session is decided at the close of t + 2.
    assert panel.sessions[-1] == matrix.grid[unseen - 3]
    assert len(panel.sessions) == 20 - 2


def test_a_trial_is_scored_by_the_rank_correlation_of_its_predictions():
    from scipy import stats  # noqa: PLC0415

    matrix, spec = make_matrix(0.2), make_spec()
    fits = [fit for fit in split(spec, 130, 2).choice if fit.family == "ridge"]
    results = [run_fit(fit, spec, matrix) for fit in fits]
    unseen = max(fit.test_last for fit in fits) + 1
    expected = []
    for result in results:
        predictions = np.frombuffer(result.predictions, np.float32)
        window = matrix.rows(result.fit.test_first, result.fit.test_last)
        for day in np.unique(matrix.sessions[window]):
            own = matrix.sessions[window] == day
            if day + 2 < unseen:
                expected.append(stats.spearmanr(predictions[own], matrix.labels[0, window][own]).statistic)
    found = score_trial(matrix, results, unseen, COSTS)
    assert found.rank_ic == pytest.approx(np.mean(expected), abs=1e-9)
    assert found.sharpe is not None
    assert found.sharpe.periods == len(expected)


def test_a_trial_that_came_to_nothing_is_not_chosen_and_says_why():
    matrix, spec = make_matrix(0.1), make_spec(min_train_rows=10**9)
    fit = split(spec, 130, 2).choice[0]
    found = score_trial(matrix, [run_fit(fit, spec, matrix)], 130, COSTS)
    assert math.isnan(found.rank_ic)
    assert "training rows" in found.reason
    assert choose({0: found, 1: ScoredTrial(-0.2, None)}) == 1


def test_the_best_is_chosen_and_of_equals_the_first():
    assert choose({0: ScoredTrial(0.01, None), 1: ScoredTrial(0.03, None), 2: ScoredTrial(0.03, None)}) == 1
    assert choose({0: ScoredTrial(math.nan, None), 1: ScoredTrial(math.nan, None)}) == 0


def test_the_deflated_ratio_counts_every_trial_that_was_made():
    """The example of Bailey and López de Prado (2014), of whose 100 trials two families make 50 each."""
    best = Sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0)
    steps = np.linspace(0.0, 1.0, 100)
    ratios = best.ratio - math.sqrt(0.5 / 250) / steps.std(ddof=1) * steps  # their variance is the example's
    made = [ScoredTrial(0.05 - ratio, Sharpe(ratio, 1250, -3.0, 10.0)) for ratio in ratios.tolist()]
    scored = {("lightgbm", 1): dict(enumerate(made[:50])), ("ridge", 1): dict(enumerate(made[50:]))}
    known = {(family, number): Trial(family, number, make_spec()) for family, _ in scored for number in range(51)}
    chosen = {("lightgbm", 1): 0, ("ridge", 1): 0}
    assert entries(scored, chosen, known)[0]["deflated_sharpe"] == pytest.approx(0.9004, abs=5e-5)
    # One that failed has been tried as well.
    scored[("ridge", 1)][50] = ScoredTrial(math.nan, None, "the label does not vary")
    assert [entry["trials_made"] for entry in entries(scored, chosen, known)] == [101, 101]
