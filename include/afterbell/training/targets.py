"""From raw labels to what a model fits: within each session, so that the market's own move falls away."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_TAIL = 0.01
"""Share of each tail that is pulled in before a z-score."""


def average_ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing their mean rank, as ``scipy.stats.rankdata`` gives them.

    Args:
        values: one dimension, finite.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    ranks: NDArray[np.float64] = (upper - (counts - 1) / 2.0)[inverse]
    return ranks


def session_targets(
    labels: NDArray[np.float32], starts: NDArray[np.int64], how: Literal["rank", "zscore"]
) -> NDArray[np.float32]:
    """The fitted target of each row: zero mean and unit variance within its session.

    Args:
        labels: float32 (rows,), simple returns, NaN where not known; rows ordered by session.
        starts: int64 (sessions + 1,), the row where each session starts, then the number of rows.
        how: ``rank`` spreads the ranks evenly; ``zscore`` pulls in 1 % of each tail first.

    Returns:
        float32 (rows,), NaN where the label is, and in sessions whose labels do not vary.
    """
    out = np.full(labels.shape, np.nan, np.float32)
    for first, last in pairwise(starts):
        block = labels[first:last]
        known = np.isfinite(block)
        if known.sum() > 1:
            scaled = _ranked(block[known]) if how == "rank" else _winsorised(block[known])
            spread = scaled.std()
            if spread > 0:
                out[first:last][known] = (scaled - scaled.mean()) / spread
    return out


def _ranked(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return average_ranks(values) / values.size


def _winsorised(values: NDArray[np.float32]) -> NDArray[np.float64]:
    low, high = np.quantile(values.astype(np.float64), [_TAIL, 1 - _TAIL])
    return np.clip(values.astype(np.float64), low, high)
