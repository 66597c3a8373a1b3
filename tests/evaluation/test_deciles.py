"""Deciles: equal scores have equal weights, and distinct ones the deciles of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afterbell.evaluation.deciles import Deciles, decile_means


def weights(scores: np.ndarray) -> np.ndarray:
    deciles = Deciles(scores)
    return np.stack([deciles.weights(number) for number in range(10)])


def test_twenty_scores_are_two_to_a_decile_and_a_hole_is_in_none() -> None:
    scores = np.arange(21.0)[None, ::-1].copy()
    scores[0, 4] = np.nan
    found = weights(scores)[:, 0]
    assert found[:, 4].tolist() == [0.0] * 10
    assert found[9, [0, 1]].tolist() == found[0, [-1, -2]].tolist() == [0.5, 0.5]
    assert (found > 0).sum(axis=1).tolist() == [2] * 10
    assert found.sum(axis=1).tolist() == [1.0] * 10


@pytest.mark.parametrize("count", [10, 13, 19, 57, 100])
def test_distinct_scores_are_in_the_deciles_of_their_places(count: int) -> None:
    scores = np.random.default_rng(count).permutation(count).astype(float)
    # By pandas, from the definition: the place times ten over the count, rounded down.
    expected = (pd.Series(scores).rank(method="first") - 1) * 10 // count
    assert weights(scores[None])[:, 0].argmax(axis=0).tolist() == expected.astype(int).tolist()


def test_equal_scores_share_the_deciles_that_they_span() -> None:
    # Twenty cells, two to a decile: the three at places 1 to 3 take one place of decile 0 and two of decile 1.
    scores = np.arange(20.0)[None]
    scores[0, 1:4] = 2.5
    found = weights(scores)[:, 0]
    assert found[0, :5] == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6, 0])
    assert found[1, :5] == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert found[2:, 1:4].max() == 0.0


@pytest.mark.parametrize("count", [10, 13, 40, 997])
def test_constant_scores_weigh_every_cell_alike_in_every_decile(count: int) -> None:
    assert set(weights(np.full((1, count), 0.3)).ravel()) == {1 / count}


def test_the_order_of_the_columns_moves_no_weight() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, (5, 83)).astype(float)
    order = rng.permutation(83)
    assert np.array_equal(weights(scores)[:, :, order], weights(scores[:, order]))


def test_fewer_scores_than_deciles_leave_some_empty() -> None:
    found = decile_means(Deciles(np.array([[3.0, 1.0, 2.0]])), np.array([[0.3, 0.1, 0.2]]))[0]
    # Places 0, 1 and 2 are deciles 0, 3 and 6.
    assert found[[0, 3, 6]] == pytest.approx([0.1, 0.2, 0.3])
    assert np.isnan(found).sum() == 7


def test_means_of_deciles_are_pandas() -> None:
    rng = np.random.default_rng(2)
    scores, labels = rng.standard_normal((1, 60)), rng.standard_normal((1, 60))
    cut = pd.qcut(scores[0], 10, labels=False)
    expected = pd.Series(labels[0]).groupby(cut).mean()
    assert decile_means(Deciles(scores), labels)[0] == pytest.approx(expected.to_numpy())
