"""Information coefficients and their errors, against scipy, pandas and hand calculations."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from afterbell.evaluation.metrics import (
    horizon_metrics,
    row_correlations,
    score_panel,
    summarise,
)
from afterbell.evaluation.overlap import newey_west_se, overlap_lag
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import PORTFOLIO, days, make_panel

KEYS = {
    "ic", "ic_se", "ic_t", "ic_ci_low", "ic_ci_high", "rank_ic", "rank_ic_se", "icir", "decile_spread", "long_leg",
    "short_leg", "costs", "turnover", "sharpe_gross", "sharpe_net", "max_drawdown", "sessions", "rows",
}  # fmt: skip


def holed(seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_t(3, (30, 80))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def test_ic_and_rank_ic_are_pandas_by_session():
    labels, scores = holed(1), holed(2)
    panel = ScorePanel(1, days(30), np.zeros(30, int), labels, {"ridge": scores})
    found = score_panel(panel, PORTFOLIO)["ridge"]
    for method, values in (("pearson", found.ic), ("spearman", found.rank_ic)):
        expected = pd.DataFrame(scores).T.corrwith(pd.DataFrame(labels).T, method=method)
        assert values == pytest.approx(expected.to_numpy(), abs=1e-12)
    assert found.rows == int((np.isfinite(labels) & np.isfinite(scores)).sum())


def test_sessions_with_few_symbols_or_nothing_that_varies_have_no_correlation():
    left = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0], [5.0, 5.0, 5.0]])
    right = np.array([[2.0, 4.0, 6.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert row_correlations(left, right, 3) == pytest.approx([1.0, np.nan, np.nan], nan_ok=True)


def test_the_standard_error_without_lags_is_the_plain_one():
    values = np.random.default_rng(0).standard_normal(50)
    assert newey_west_se(values, 0) == pytest.approx(stats.sem(values, ddof=0))


def test_newey_west_of_four_values_by_hand():
    # 1 3 2 6: mean 3, deviations -2 0 -1 3. g0 = 14/4, g1 = (0 + 0 - 3)/4, g2 = (2 + 0)/4.
    # Two lags: 3.5 + 2 (2/3 x -0.75 + 1/3 x 0.5) = 2.8333; its root over root 4.
    assert newey_west_se(np.array([1.0, 3.0, 2.0, 6.0]), 2) == pytest.approx(np.sqrt(2.833333333 / 4))


def test_overlap_makes_the_standard_error_larger():
    """A moving sum of five has five times the long-run variance of its own independent shocks' sum."""
    shocks = np.random.default_rng(0).standard_normal(20_004)
    summed = np.convolve(shocks, np.ones(5), mode="valid")
    # The mean of n moving sums of five unit shocks has a standard error of 5 / sqrt(n).
    assert newey_west_se(summed, 60) == pytest.approx(5 / np.sqrt(20_000), rel=0.1)
    assert newey_west_se(summed, 0) == pytest.approx(np.sqrt(5) / np.sqrt(20_000), rel=0.1)


@pytest.mark.parametrize(("sessions", "horizon", "lag"), [(100, 1, 4), (100, 5, 4), (100, 20, 19), (10, 1, 2)])
def test_lags_cover_the_overlap(sessions, horizon, lag):
    assert overlap_lag(sessions, horizon) == lag


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_planted_correlation_is_recovered_within_its_error(horizon):
    found = score_panel(make_panel(0.05, horizon=horizon), PORTFOLIO)["ridge"]
    metrics = summarise(found, horizon)
    assert abs(metrics["ic"] - 0.05) < 3 * metrics["ic_se"]
    # The rank correlation of normals correlated by r is 6/pi asin(r/2).
    assert abs(metrics["rank_ic"] - 6 / np.pi * np.arcsin(0.025)) < 3 * metrics["rank_ic_se"]
    assert metrics["ic_t"] > 3


@pytest.mark.parametrize("horizon", [1, 5])
def test_no_signal_gives_no_significance(horizon):
    found = horizon_metrics(score_panel(make_panel(0.0, horizon=horizon, seed=5), PORTFOLIO), horizon)
    assert abs(found["ic_t"]) < 3
    assert found["ic_ci_low"] < 0 < found["ic_ci_high"]
    assert abs(found["rank_ic"]) < 3 * found["rank_ic_se"]


@pytest.mark.parametrize(("horizon", "sessions"), [(1, 40), (5, 40), (5, 120), (20, 40)])
def test_intervals_of_noise_cover_zero_about_as_often_as_they_say(horizon, sessions):
    """Scores that never change meet labels that overlap: their IC has the overlap's autocorrelation in full."""
    rng, covered = np.random.default_rng(horizon * sessions), 0
    for _ in range(300):
        shocks = rng.standard_normal((sessions + horizon - 1, 30))
        labels = sum(shocks[k : k + sessions] for k in range(horizon))
        scores = np.tile(rng.standard_normal(30), (sessions, 1))
        panel = ScorePanel(horizon, days(sessions), np.zeros(sessions, int), labels, {"ridge": scores})
        found = summarise(score_panel(panel, PORTFOLIO)["ridge"], horizon)
        covered += found["ic_ci_low"] < 0 < found["ic_ci_high"]
    # Of 300 draws 95 % are 285, give or take 3 x 3.8; 1.96 of Newey and West's errors cover 0.81 at h5, 0.57 at h20.
    assert 0.91 <= covered / 300 <= 0.995


def test_without_overlap_the_error_and_the_interval_are_students():
    values = np.array([0.1, -0.2, 0.3, 0.4, np.nan, -0.1, 0.2, 0.5, -0.3, 0.1, 0.0])
    scored = dataclasses.replace(score_panel(make_panel(0.0, sessions=30), PORTFOLIO)["ridge"], ic=values)
    found, expected = summarise(scored, 1), stats.ttest_1samp(values, 0.0, nan_policy="omit")
    interval = expected.confidence_interval(0.95)
    assert (found["ic_se"], found["ic_t"]) == pytest.approx((stats.sem(values, nan_policy="omit"), expected.statistic))
    assert (found["ic_ci_low"], found["ic_ci_high"]) == pytest.approx((interval.low, interval.high))
    assert found["sessions"] == 10


def test_the_keys_are_the_agreed_ones_and_everything_is_json():
    found = horizon_metrics(score_panel(make_panel(0.05, sessions=30), PORTFOLIO), 1)
    assert set(found) == KEYS | {"families"}
    assert set(found["families"]) == {"lightgbm", "ridge"}
    assert set(found["families"]["ridge"]) == KEYS
    json.dumps(found, allow_nan=False)


def test_what_is_not_defined_is_none_not_nan():
    panel = make_panel(0.0, sessions=3, symbols=5)
    found = summarise(score_panel(panel, PORTFOLIO)["ridge"], 1)
    assert found["ic"] is None
    assert found["sharpe_net"] is None
    assert (found["sessions"], found["rows"]) == (0, 0)
