"""A panel to feature rows: the one piece of code behind the daily run and the bulk run; pure numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from afterbell.features.factors import FactorSet
from afterbell.features.grid import FIELDS, Ints, Panel
from afterbell.features.lookback import Lookback

_BLOCK_CELLS = 1 << 14
"""Cells of one block: its arrays of 128 KiB stay in a core's cache while the kernels go over them."""
_BLOCK_COLUMNS = 512


@dataclass(frozen=True)
class Rows:
    """Feature rows, ordered by symbol and session within a block.

    Attributes:
        symbol: shape ``(n,)``, codes of the panel.
        session: shape ``(n,)``, days since 1970-01-01.
        values: float32 of shape ``(n_factors, n)``, NaN where a factor has no finite value.
    """

    symbol: Ints
    session: Ints
    values: npt.NDArray[np.float32]


def compute(panel: Panel, factors: FactorSet, wanted: Ints) -> Iterator[Rows]:
    """Rows of the ``wanted`` columns, for every symbol with a bar known at that session's cut-off.

    Args:
        panel: its columns must reach ``factors.depth`` sessions back from the first wanted one; where it begins
            later, the sessions before count as having no bars.
        factors: the set.
        wanted: columns of the panel, ascending.
    """
    n_symbols = panel.bars.arrays[0].shape[1]
    for start, stop in _runs(wanted):
        step = max(1, _BLOCK_CELLS // (stop - start))
        for first in range(0, n_symbols, step):
            rows = _block(panel.block(first, min(first + step, n_symbols)), factors, start, stop)
            if len(rows.symbol):
                yield Rows(rows.symbol + first, rows.session, rows.values)


def _runs(wanted: Ints) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring columns as half-open ranges, none longer than a block."""
    breaks = np.flatnonzero(np.diff(wanted) > 1) + 1
    for run in np.split(wanted, breaks):
        for at in range(0, len(run), _BLOCK_COLUMNS):
            part = run[at : at + _BLOCK_COLUMNS]
            yield int(part[0]), int(part[-1]) + 1


def _block(panel: Panel, factors: FactorSet, start: int, stop: int) -> Rows:
    close = panel.bars.at(0)[FIELDS.index("close")][:, start:stop]
    known = np.isfinite(close)
    symbol, column = np.nonzero(known)
    values = np.empty((len(factors.factors), len(symbol)), dtype=np.float32)
    back = Lookback(panel, start, stop, factors.depth, factors.share)
    with np.errstate(all="ignore"):  # what isn't finite becomes NaN below, whatever brought it about
        for index, factor in enumerate(factors.factors):
            values[index] = factor.kernel(back, factor.window)[known]
    values[~np.isfinite(values)] = np.nan
    return Rows(symbol.astype(np.int64), panel.grid.days[column + start], values)
