"""Means of overlapping values: errors by hand, and how often a test of no skill rejects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.overlap import Mean, overlapping_mean, pooled_mean

DRAWS = 4_000


def overlapping(rng: np.random.Generator, sessions: int, horizon: int) -> np.ndarray:
    """Sums of ``horizon`` neighbouring draws, as labels over so many sessions are."""
    single = rng.normal(size=sessions + horizon - 1)
    return np.convolve(single, np.ones(horizon), "valid")


def test_without_overlap_it_is_students_t() -> None:
    values = np.array([0.1, -0.2, 0.3, 0.4, -0.1, 0.2, 0.5, -0.3, 0.1, 0.0])
    mean = overlapping_mean(values, 1)
    expected = stats.ttest_1samp(values, 0.0, alternative="greater")
    assert (mean.value, mean.error) == pytest.approx((values.mean(), stats.sem(values)))
    assert mean.freedom == pytest.approx(9.0)
    assert mean.p_not_above_zero == pytest.approx(expected.pvalue)
    assert mean.quantile(0.05) == pytest.approx(expected.confidence_interval(0.95).low)


def test_the_error_of_three_values_by_hand() -> None:
    # Correlations 1, 1/2 and 0: the mean of three has the variance (3 + 4/2 + 0) / 9, and the sum of squares about it
    # the expectation 3 - 5/3 = 4/3. The values have the sum of squares 14 about their mean.
    mean = overlapping_mean(np.array([1.0, 2.0, 6.0]), 2)
    assert mean.error == pytest.approx(np.sqrt(14 / (4 / 3) * 5 / 9))
    assert mean.independent == pytest.approx(9 / 5)


@pytest.mark.parametrize(("sessions", "horizon"), [(40, 1), (40, 5), (40, 20), (160, 5), (160, 20)])
def test_a_test_of_no_skill_rejects_as_often_as_it_says(sessions: int, horizon: int) -> None:
    rng = np.random.default_rng(sessions * horizon)
    tests = [overlapping_mean(overlapping(rng, sessions, horizon), horizon).p_not_above_zero for _ in range(DRAWS)]
    assert 0.025 < np.mean(np.array(tests) < 0.05) < 0.065
    assert np.mean(np.array(tests) < 0.001) < 0.003


def test_pooled_horizons_reject_no_more_often_however_they_depend_on_each_other() -> None:
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(DRAWS):
        single = rng.normal(size=164)
        long = np.convolve(single, np.ones(5), "valid")
        pooled = pooled_mean([overlapping_mean(single[:160], 1), overlapping_mean(long, 5)])
        rejected += pooled.quantile(0.05) > 0
    assert rejected / DRAWS < 0.06


def test_equal_parts_pool_to_themselves() -> None:
    part = Mean(0.02, 0.01, 20.0, 100, 50.0)
    pooled = pooled_mean([part, part])
    assert (pooled.value, pooled.error, pooled.freedom) == pytest.approx((0.02, 0.01, 20.0))


def test_dependence_beyond_the_overlap_is_not_overlooked() -> None:
    values = np.repeat([1.0, -1.0, 0.5, -0.5], 20)  # one figure of twenty sessions, four times
    assert overlapping_mean(values, 1).error > 1.8 * stats.sem(values)
