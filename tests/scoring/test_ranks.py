"""Cross-sectional ranks and the blend."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from afterbell.scoring.ranks import blend, percentile_ranks


@pytest.mark.parametrize(
    ("scores", "ranks"),
    [
        ([3.0, 1.0, 2.0], [1.0, 1 / 3, 2 / 3]),
        ([5.0], [1.0]),
        ([1.0, 1.0], [0.75, 0.75]),
        ([2.0, 1.0, 2.0, 0.0], [0.875, 0.5, 0.875, 0.25]),
        ([], []),
    ],
)
def test_the_highest_score_ranks_one_and_ties_share_their_average(scores: list[float], ranks: list[float]) -> None:
    assert percentile_ranks(np.array(scores)).tolist() == pytest.approx(ranks)


def test_ranks_are_those_of_scipy_on_a_large_cross_section() -> None:
    scores = np.random.default_rng(0).integers(0, 500, 3000).astype(np.float64)
    np.testing.assert_allclose(percentile_ranks(scores), rankdata(scores) / 3000, rtol=1e-14)


def test_the_blend_is_the_mean_of_ranks() -> None:
    assert blend([np.array([0.5, 1.0]), np.array([1.0, 0.5])]).tolist() == [0.75, 0.75]
    assert blend([np.array([0.5, 1.0]), np.array([1.0, 0.5])], [0.75, 0.25]).tolist() == [0.625, 0.875]
