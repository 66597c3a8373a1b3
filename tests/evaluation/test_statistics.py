"""The block bootstrap, against scipy for independent data and the known variance of a moving sum."""

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.statistics import block_length, bootstrap_means


def test_blocks_of_one_give_scipys_percentile_interval():
    values = np.random.default_rng(3).normal(0.02, 0.1, 150)
    found = np.quantile(bootstrap_means(values, 1, 20_000, seed=1), [0.05, 0.95])
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert found == pytest.approx([expected.low, expected.high], abs=0.0008)


def test_blocks_keep_autocorrelation():
    shocks = np.random.default_rng(0).standard_normal(2_004)
    summed = np.convolve(shocks, np.ones(5), mode="valid")
    spread = bootstrap_means(summed, 40, 4_000, seed=1).std()
    assert spread == pytest.approx(5 / np.sqrt(2_000), rel=0.15)


def test_the_same_seed_gives_the_same_means_and_another_others():
    values = np.random.default_rng(3).standard_normal(50)
    assert np.array_equal(bootstrap_means(values, 4, 100, seed=1), bootstrap_means(values, 4, 100, seed=1))
    assert not np.array_equal(bootstrap_means(values, 4, 100, seed=1), bootstrap_means(values, 4, 100, seed=2))


def test_resamples_of_whole_circles_have_the_series_own_mean():
    values = np.arange(12.0)
    assert bootstrap_means(values, 12, 100, seed=1) == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("sessions", "horizon", "block"), [(160, 1, 6), (160, 5, 8), (160, 20, 38), (3, 20, 3), (1, 1, 1)]
)
def test_blocks_are_longer_than_the_overlap(sessions, horizon, block):
    assert block_length(sessions, horizon) == block
