"""Where the values of a session's symbols stand among each other: cross-sections."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from afterbell.features.factors import Factor, FactorSet, Groups
from afterbell.features.grid import Floats, Ints

Floats32 = npt.NDArray[np.float32]


def set_columns(factors: FactorSet, values: Floats32, begins: Ints) -> Floats32:
    """The set's columns.

    Args:
        factors: the set.
        values: of ``factors.computed``, shape ``(computed, n)``, rows ordered by session.
        begins: where each session's rows begin, and the end.
    """
    if not factors.crossed:
        return values
    table = np.empty((len(factors.names), values.shape[1]), dtype=np.float32)
    table[: len(factors.factors)] = values[: len(factors.factors)]
    for first, last in pairwise(begins.tolist()):
        _cross(factors, values[:, first:last], table[len(factors.factors) :, first:last])
    return table


def _cross(factors: FactorSet, values: Floats32, crossed: Floats32) -> None:
    """Fill ``crossed``, one row for each crossed factor, for one session."""

    @cache
    def sorted_values(factor: Factor) -> tuple[Floats, Ints]:
        section = values[factors.computed.index(factor)].astype(np.float64)
        return section, np.argsort(section).astype(np.int64)

    @cache
    def codes(groups: Groups | None) -> Ints:
        out = np.zeros(values.shape[1], dtype=np.int64)
        if groups:
            groups.kernel.function(*sorted_values(groups.by), groups.parts, out)
        return out

    for row, cross in enumerate(factors.crossed):
        out = np.empty(values.shape[1])
        parts = cross.within.parts if cross.within else 1
        cross.kernel.function(*sorted_values(cross.of), codes(cross.within), parts, out)
        crossed[row] = out
