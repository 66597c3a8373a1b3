"""The deflated Sharpe ratio against the paper's own example, and its moments against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.sharpe import Sharpe, deflated_sharpe, expected_maximum, sharpe_of

# Bailey and López de Prado (2014), "A numerical example": an annualised Sharpe ratio of 2.5 over five years of 250
# days, skewness -3, kurtosis 10, the best of 100 independent trials whose annualised ratios have a variance of 1/2.
DAILY = Sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0)
VARIANCE = 0.5 / 250


def test_the_example_of_the_paper():
    assert expected_maximum(VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(DAILY, VARIANCE, 100) == pytest.approx(0.9004, abs=5e-5)


def test_the_papers_strategy_would_have_passed_with_46_trials():
    assert deflated_sharpe(DAILY, VARIANCE, 46) == pytest.approx(0.9505, abs=5e-4)


def test_one_trial_is_compared_with_zero():
    # By hand: normal returns, ratio 0.1 over 101 periods: z = 0.1 * 10 / sqrt(1 + 0.01 / 2).
    assert expected_maximum(VARIANCE, 1) == 0.0
    found = deflated_sharpe(Sharpe(0.1, 101, 0.0, 3.0), 0.3, 1)
    assert found == pytest.approx(stats.norm.cdf(1.0 / math.sqrt(1.005)), abs=1e-12)


def test_without_skill_the_best_of_many_is_about_what_is_expected():
    ratios = np.random.default_rng(3).standard_normal((4000, 20)) * 0.05
    assert ratios.max(axis=1).mean() == pytest.approx(expected_maximum(0.05**2, 20), rel=0.03)


def test_more_trials_leave_less():
    left = [deflated_sharpe(DAILY, VARIANCE, trials) for trials in (1, 2, 10, 100, 1000)]
    assert left == sorted(left, reverse=True)


def test_moments_are_those_of_scipy():
    net = np.random.default_rng(5).gamma(2.0, 0.01, 300) - 0.018
    found = sharpe_of(net, 1)
    assert found.periods == 300
    assert found.ratio == pytest.approx(net.mean() / net.std(ddof=1))
    assert found.skewness == pytest.approx(stats.skew(net))
    assert found.kurtosis == pytest.approx(stats.kurtosis(net, fisher=False))


def test_returns_that_overlap_are_taken_apart():
    net = np.arange(12.0) ** 2
    apart = [net[start::3] for start in range(3)]
    found = sharpe_of(net, 3)
    assert found.periods == 4
    assert found.ratio == pytest.approx(np.mean([one.mean() / one.std(ddof=1) for one in apart]))


@pytest.mark.parametrize("net", [np.zeros(30), np.full(30, np.nan), np.array([0.1]), np.array([])])
def test_what_does_not_vary_has_no_ratio(net):
    assert sharpe_of(net, 1) is None


def test_moments_that_no_returns_have_give_nothing():
    assert math.isnan(deflated_sharpe(Sharpe(2.0, 100, 3.0, 1.0), 0.0, 1))
