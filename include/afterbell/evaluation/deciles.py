"""Deciles of scores, in which equal scores have equal weights."""

from __future__ import annotations

import numpy as np

from afterbell.evaluation.panel import Floats, tied_places

DECILES = 10


class Deciles:
    """The cells of each row in ten parts, by the order of their scores.

    Of n cells in ascending order, those at the places ``ceil(d n / 10)`` to ``ceil((d + 1) n / 10) - 1`` are decile d:
    ``floor(n / 10)`` of them or one more. Cells with equal scores share the places that they take together, so each is
    in a decile by the same part: without any difference in score no cell is preferred to another.
    """

    def __init__(self, scores: Floats) -> None:
        """Order ``scores``, float64 (sessions, symbols), NaN where there is none."""
        self._valid = np.isfinite(scores)
        self._count = self._valid.sum(axis=1, keepdims=True)
        first, last = tied_places(np.where(self._valid, scores, np.nan))
        self._first, self._end = first, last + 1

    def weights(self, decile: int) -> Floats:
        """Equal weights of the cells of ``decile``, 0 (the lowest scores) to 9.

        Returns:
            float64 (sessions, symbols): 0 outside the decile, and 1 in all by row; a row with fewer than ten scores
            may have none in a decile, and then has 0 throughout.
        """
        low, high = (-(-bound * self._count // DECILES) for bound in (decile, decile + 1))
        shared = np.minimum(self._end, high) - np.maximum(self._first, low)
        inside = (shared > 0) & self._valid
        # One division of whole numbers: equal parts are equal to the last bit, and opposite positions in them cancel.
        size = (self._end - self._first) * (high - low)
        out = np.zeros(shared.shape)
        np.divide(shared, size, out=out, where=inside)
        return out


def decile_means(deciles: Deciles, labels: Floats) -> Floats:
    """Mean label of each decile, float64 (sessions, 10), worst first; NaN where a decile is empty."""
    known = np.nan_to_num(labels)
    means = np.empty((labels.shape[0], DECILES))
    for number in range(DECILES):
        weights = deciles.weights(number)
        means[:, number] = np.where(weights.any(axis=1), (weights * known).sum(axis=1), np.nan)
    return means
