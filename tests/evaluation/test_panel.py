"""Ranks and the blend, against scipy, pandas and hand cases."""

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.panel import blend, row_ranks


def test_row_ranks_are_scipys_ties_and_holes_included():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 15, (40, 60)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[3] = np.nan
    assert np.array_equal(row_ranks(values), stats.rankdata(values, axis=1, nan_policy="omit"), equal_nan=True)


def test_a_blend_is_the_mean_of_ranks_scaled_to_the_unit_interval():
    found = blend({"a": np.array([[1.0, 2.0, 3.0, 4.0]]), "b": np.array([[40.0, 20.0, 30.0, 10.0]])})
    # Ranks 1 2 3 4 and 4 2 3 1: means 2.5 2 3 2.5, less a half, over four.
    assert found.tolist() == [[0.5, 0.375, 0.625, 0.5]]


def test_a_blend_is_missing_where_a_family_is():
    found = blend({"a": np.array([[1.0, np.nan, 3.0]]), "b": np.array([[5.0, 9.0, 4.0]])})
    assert found[0, [0, 2]].tolist() == [0.5, 0.5]
    assert np.isnan(found[0, 1])


def test_a_weighted_blend_is_the_weighted_mean_of_ranks_by_session():
    scores = {"b": np.array([[4.0, 1.0], [4.0, 1.0]]), "a": np.array([[1.0, 2.0], [1.0, 2.0]])}
    found = blend(scores, {"a": np.array([[0.75], [0.0]]), "b": np.array([[0.25], [1.0]])})
    # Ranks of a 1 2, of b 2 1: 1.25 and 1.75, then b alone; less a half, over two.
    assert found.tolist() == [[0.375, 0.625], [0.75, 0.25]]


def test_one_family_blends_to_its_own_order():
    assert blend({"a": np.array([[0.1, -7.0]])}).tolist() == [[0.75, 0.25]]


def test_an_outlying_score_weighs_no_more_than_its_rank():
    tame, wild = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 1e12]])
    assert blend({"a": tame})[0] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert blend({"a": wild})[0] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
