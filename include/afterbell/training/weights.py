"""How much each training row counts: by its age, and by the dollars that its symbol trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afterbell.training.families.fixed_order import fixed_power
from afterbell.training.fit_options import EQUAL, Weights
from afterbell.training.matrix import Matrix, session_starts

_LEAST = np.finfo(np.float32).tiny
"""Below it numbers lose digits, and some libraries take them for 0: no row's weight is less."""


def row_weights(weights: Weights, matrix: Matrix, rows: NDArray[np.int64], last: int) -> NDArray[np.float32] | None:
    """The weight of each of ``rows``: ``2^(-age / half_life) * (dollars / their mean of the session)^liquidity``.

    Args:
        weights: the half-life in sessions, and the power.
        matrix: whose sessions and dollars count; the mean is of all its rows of a session.
        rows: int64, in any order.
        last: the ordinal of the last training session, from which ages are counted.

    Returns:
        float32 (rows,), above 0; None where every row counts the same.
    """
    if weights == EQUAL:
        return None
    made = np.ones(rows.size)
    if weights.half_life is not None:
        made *= _decay(last - matrix.sessions[rows], weights.half_life)
    if weights.liquidity > 0:
        made *= fixed_power(_relative_dollars(matrix, rows), weights.liquidity)
    return np.maximum(made, _LEAST).astype(np.float32)


def _decay(ages: NDArray[np.integer], half_life: float) -> NDArray[np.float64]:
    halvings = np.maximum(ages, 0) / half_life
    whole = np.floor(halvings)
    decayed: NDArray[np.float64] = np.ldexp(fixed_power(np.full(ages.size, 0.5), halvings - whole), -whole.astype(int))
    return decayed


def _relative_dollars(matrix: Matrix, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dollars over their mean of the session; 1 in a session in which none are traded."""
    starts = session_starts(matrix.sessions)
    dollars = matrix.dollars.astype(np.float64)
    means = np.add.reduceat(dollars, starts[:-1]) / np.diff(starts)
    own = means[np.searchsorted(starts, rows, side="right") - 1]
    traded = own > 0
    return np.where(traded, dollars[rows] / np.where(traded, own, 1.0), 1.0)
