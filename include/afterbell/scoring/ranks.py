"""Cross-sectional ranks of scores, and the blend of families; pure numpy.

Apart from the Spark code that calls it: the arithmetic is tested without Spark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def percentile_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank / n of each score, float64 ``(n,)`` in (0, 1], the highest score 1; ties share their average rank.

    Args:
        scores: float64 ``(n,)``, finite.
    """
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    average: NDArray[np.float64] = (last - (counts - 1) / 2.0)[group]
    return average / max(len(scores), 1)


def blend(ranks: Sequence[NDArray[np.float64]], weights: Sequence[float] | None = None) -> NDArray[np.float64]:
    """The mean of the families' ranks, float64 ``(n,)``, whatever the scale of their scores.

    Args:
        ranks: one array ``(n,)`` a family, in the order of the families' names, so that the sum has one order.
        weights: of the families, in the same order, which sum to 1; None where each counts alike.
    """
    total = np.zeros_like(ranks[0])
    if weights is None:
        for rank in ranks:
            total += rank
        return total / len(ranks)
    for rank, weight in zip(ranks, weights, strict=True):
        total += rank * weight
    return total
