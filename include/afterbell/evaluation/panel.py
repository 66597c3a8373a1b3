"""Out-of-sample predictions of one horizon as dense arrays, sessions down and symbols across."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLEND = "blend"


@dataclass(frozen=True)
class ScorePanel:
    """One horizon's predictions and labels.

    Attributes:
        horizon: in sessions.
        sessions: ascending, those with a prediction.
        folds: int64 (sessions,), the fold that each session was tested in.
        labels: float64 (sessions, symbols), raw simple returns, NaN where there is no label.
        scores: by family, float64 like ``labels``.
        symbols: ascending; empty where nobody compares the panel with another.
        weights: of each family in the blend, float64 (sessions, 1); None where each counts alike.
    """

    horizon: int
    sessions: tuple[date, ...]
    folds: NDArray[np.int64]
    labels: Floats
    scores: Mapping[str, Floats]
    symbols: tuple[str, ...] = ()
    weights: Mapping[str, Floats] | None = None

    def blend(self) -> Floats:
        """The blend of the families, see ``blend``."""
        return blend(self.scores, self.weights)


def blend(scores: Mapping[str, Floats], weights: Mapping[str, Floats] | Mapping[str, float] | None = None) -> Floats:
    """The mean of the families' cross-sectional ranks, each scaled to (0, 1).

    Args:
        scores: by family, float64 (sessions, symbols), NaN where there is no score.
        weights: by family, numbers or float64 (sessions, 1), 0 or more, which sum to 1; None where each counts alike.

    Returns:
        float64 like the scores, NaN where any family has none.
    """
    together = np.all([np.isfinite(values) for values in scores.values()], axis=0)
    ranks = {family: row_ranks(np.where(together, values, np.nan)) for family, values in scores.items()}
    count = np.maximum(together.sum(axis=1, keepdims=True), 1)
    if weights is None:
        mean = np.mean(list(ranks.values()), axis=0)
    else:
        mean = np.sum([ranks[family] * weights[family] for family in sorted(ranks)], axis=0)
    blended: Floats = (mean - 0.5) / count
    return blended


def row_ranks(values: Floats) -> Floats:
    """Ranks from 1 within each row, ties sharing their mean, NaN where the value is.

    The same as ``scipy.stats.rankdata(values, axis=1, nan_policy="omit")``.
    """
    first, last = tied_places(values)
    ranks: Floats = (first + last) / 2.0 + 1.0
    ranks[np.isnan(values)] = np.nan
    return ranks


def tied_places(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last place, from 0, that each cell shares with its equals in the ascending order of its row.

    Args:
        values: float64 (sessions, symbols); NaN takes the places after all others.

    Returns:
        Two int64 arrays like ``values``; they are equal where a value occurs once.
    """
    order = np.argsort(values, axis=1, kind="stable")  # NaN sorts last
    ordered = np.take_along_axis(values, order, axis=1)
    rows, columns = values.shape
    place = np.arange(columns)
    starts = np.ones((rows, columns), dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones((rows, columns), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    # The ends of each run of ties: the first is carried forward, and the last backward from the next start.
    first, last = np.empty(values.shape, np.int64), np.empty(values.shape, np.int64)
    forward = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    backward = np.minimum.accumulate(np.where(ends, place, columns)[:, ::-1], axis=1)[:, ::-1]
    np.put_along_axis(first, order, forward, axis=1)
    np.put_along_axis(last, order, backward, axis=1)
    return first, last
