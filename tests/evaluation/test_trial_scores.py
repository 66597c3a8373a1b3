"""A trial's figures against SciPy's, without the sessions whose labels reach what the choice must not see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.trial_scores import TrialJudge, panel_of
from afterbell.training.fits import Fit
from afterbell.training.fitting import run_fit
from afterbell.training.search.scores import FoldScores
from tests.training.conftest import make_matrix, make_spec

COSTS = PortfolioSettings(cost_bps=5.0, sessions_per_year=252, min_symbols=20)
FOLD = Fit("ridge", 1, 0, 60, 70, 89)
TWO = Fit("ridge", 1, 1000, 127, 20, 99, train=((0, 15), (40, 79), (110, 119)), test=((20, 29), (90, 99)))


@pytest.mark.parametrize("fit", [FOLD, TWO], ids=["one window", "two windows"])
def test_a_trial_is_scored_by_the_rank_correlation_of_its_predictions(fit):
    matrix = make_matrix(0.2)
    predictions = run_fit(fit, make_spec(), matrix).predictions
    unseen = fit.test_last + 1
    scores = FoldScores.decode(TrialJudge(COSTS, unseen)(matrix, fit, predictions))
    expected, start = {}, 0
    values = np.frombuffer(predictions, np.float32)
    for day in range(fit.test_first, fit.test_last + 1):
        if not any(first <= day <= last for first, last in fit.test_windows):
            continue
        own = matrix.sessions == day
        label = matrix.labels[0, own]
        if day + 2 < unseen:  # the label of session t over one session is decided at the close of t + 2
            expected[day] = stats.spearmanr(values[start : start + label.size], label).statistic
        start += label.size
    assert scores.sessions.tolist() == list(expected)
    assert scores.rank_ic == pytest.approx(list(expected.values()), abs=1e-9)
    assert np.isfinite(scores.net).sum() == len(expected)
    assert np.mean(scores.rank_ic) > 0.1


def test_labels_that_reach_into_the_reported_sessions_do_not_count():
    matrix = make_matrix(0.1)
    days, panel = panel_of(matrix, FOLD, run_fit(FOLD, make_spec(), matrix).predictions, 90)
    assert panel.sessions[-1] == matrix.grid[90 - 3]
    assert len(panel.sessions) == days.size == 20 - 2
