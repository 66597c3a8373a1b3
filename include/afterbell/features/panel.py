"""Rows of revisions to panels, a block of symbols at a time.

A block is small enough for its panel, and all that is computed from it, to stay in a core's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from afterbell.features.compiled import compiled
from afterbell.features.grid import FIELDS, Actions, Bars, FactorPanel, Floats, Ints, Layers, SessionGrid

LANES = 256
"""Symbols of a block."""


@dataclass(frozen=True)
class Cells:
    """Revisions with their place on the grid, in the order in which they came.

    Attributes:
        symbol: codes.
        column: of the session.
        age: of knowledge, in sessions; ``len(days)`` if not known within the grid.
        knowledge: microseconds since 1970-01-01 UTC.
        rank: breaks ties of equal knowledge time, the higher one wins.
        values: float64 of shape ``(fields, n)``.
        order: their positions, block by block.
        starts: where each block begins in ``order``, and the end.
    """

    symbol: Ints
    column: Ints
    age: Ints
    knowledge: Ints
    rank: Ints
    values: Floats
    order: Ints
    starts: Ints

    def block(self, number: int) -> Ints:
        """The positions of a block's rows."""
        return self.order[int(self.starts[number]) : int(self.starts[number + 1])]

    def whole(self) -> Cells:
        """The same rows as one block."""
        return replace(self, starts=np.array([0, len(self.symbol)]))


def bar_cells(bars: Bars, grid: SessionGrid, n_symbols: int) -> Cells:
    """Revisions of bars on the grid.

    Raises:
        PermanentError: a bar lies on a day that is no session of ``grid``.
    """
    columns = grid.columns(bars.session)
    return _cells(bars.symbol, columns, grid.ages(columns, bars.knowledge), bars.knowledge, bars.revision, bars.values,
                  n_symbols)  # fmt: skip


def action_cells(actions: Actions, grid: SessionGrid, n_symbols: int) -> Cells:
    """Revisions of actions on the grid: one field for the factors of splits, one for those of other actions.

    Raises:
        PermanentError: an action lies on a day that is no session of ``grid``.
    """
    columns = grid.columns(actions.session)
    ages = grid.ages(columns, actions.knowledge)
    # An action stands as 1 in the other kind's field: it replaces what was believed of its ex-session before. One of
    # that kind that became known with it keeps its place: each kind is laid out on its own, by this rank.
    # NaN, where a symbol begins to stand for another security, is about prices and shares alike.
    both = np.isnan(actions.factor)
    split, payout = actions.split | both, ~actions.split | both
    values = np.stack((np.where(split, actions.factor, 1.0), np.where(payout, actions.factor, 1.0)))
    rank = actions.split.astype(np.int64)
    return _cells(actions.symbol, columns, ages, actions.knowledge, rank, values, n_symbols)


def _cells(
    symbol: Ints, column: Ints, age: Ints, knowledge: Ints, rank: Ints, values: Floats, n_symbols: int
) -> Cells:  # fmt: skip
    block = (symbol // LANES).astype(np.uint16)
    counts = np.bincount(block, minlength=-(-n_symbols // LANES))
    starts = np.concatenate(([0], np.cumsum(counts)))
    # Nothing is copied but the order: a market of years would be held twice.
    return Cells(symbol, column, age, knowledge, rank, values, np.argsort(block, kind="stable"), starts)


def blocks(
    grid: SessionGrid, bars: Cells, actions: Cells, n_symbols: int, oldest: int
) -> Iterator[tuple[int, FactorPanel]]:
    """The panel of each block, with the code of its first symbol.

    Args:
        grid: the sessions, columns of the panels.
        bars: from ``bar_cells``.
        actions: from ``action_cells``.
        n_symbols: codes are below it.
        oldest: revisions that became known more sessions than this after their own are never looked at.
    """
    for number, first in enumerate(range(0, n_symbols, LANES)):
        lanes = min(LANES, n_symbols - first)
        yield first, FactorPanel(grid, _bars(bars, number, first, lanes, len(grid.days), oldest),
                           _actions(actions, number, first, lanes, len(grid.days), oldest))  # fmt: skip


def panel(bars: Bars, actions: Actions, grid: SessionGrid, n_symbols: int, max_age: int | None = None) -> FactorPanel:
    """All symbols in one panel, however many.

    Args:
        bars: revisions on sessions of ``grid``.
        actions: revisions on sessions of ``grid``.
        grid: the sessions.
        n_symbols: codes are below it.
        max_age: revisions that became known more sessions than this after their own are never looked at; all are, if
            left out.
    """
    oldest = len(grid.days) - 1 if max_age is None else max_age
    held, moved = bar_cells(bars, grid, n_symbols).whole(), action_cells(actions, grid, n_symbols).whole()
    return FactorPanel(
        grid,
        _bars(held, 0, 0, n_symbols, len(grid.days), oldest),
        _actions(moved, 0, 0, n_symbols, len(grid.days), oldest),
    )


def _bars(cells: Cells, number: int, first: int, lanes: int, sessions: int, oldest: int) -> Layers:
    return _layers(cells, cells.block(number), first, np.full((len(FIELDS), sessions, lanes), np.nan), oldest)


def _actions(cells: Cells, number: int, first: int, lanes: int, sessions: int, oldest: int) -> Layers:
    part = cells.block(number)
    split = _layers(cells, part, first, np.ones((2, sessions, lanes)), oldest)
    payout = _layers(replace(cells, rank=1 - cells.rank), part, first, np.ones((2, sessions, lanes)), oldest)
    split.arrays[:, 1] = payout.arrays[:, 1]
    return split


def _layers(cells: Cells, part: Ints, first: int, base: Floats, oldest: int) -> Layers:
    """Write the newest value of each (symbol, column, age) of some rows over ``base``, age after age."""
    age = cells.age[part]
    ages = np.unique(age[age <= oldest])
    ages = np.unique(np.append(ages, 0))
    arrays = np.empty((len(ages), *base.shape))
    arrays[0] = base
    lane = cells.symbol[part] - first
    _write_newest(
        arrays, ages, lane, cells.column[part], age, cells.knowledge[part], cells.rank[part], cells.values[:, part]
    )
    return Layers(tuple(ages.tolist()), arrays)


@compiled
def _write_newest(
    arrays: Floats, ages: Ints, lane: Ints, column: Ints, age: Ints, knowledge: Ints, rank: Ints, values: Floats
) -> None:
    newest = np.full(arrays.shape[2:], np.iinfo(np.int64).min)
    highest = np.full(arrays.shape[2:], np.iinfo(np.int64).min)
    for layer in range(len(ages)):
        if layer > 0:
            arrays[layer] = arrays[layer - 1]
        for row in range(len(lane)):
            if age[row] != ages[layer]:
                continue
            t, s = column[row], lane[row]
            # A greater age is a later knowledge: what a younger layer wrote is always older than this.
            later = knowledge[row] > newest[t, s]
            if later or (knowledge[row] == newest[t, s] and rank[row] >= highest[t, s]):
                newest[t, s], highest[t, s] = knowledge[row], rank[row]
                for field in range(len(values)):
                    arrays[layer, field, t, s] = values[field, row]


def presence(bars: Cells, columns: Ints, n_symbols: int, sessions: int) -> npt.NDArray[np.bool_]:
    """Whether a symbol has a bar known at the cut-off of the session of each of ``columns``; ``(columns, symbols)``."""
    known = (bars.age == 0) & np.isfinite(bars.values[FIELDS.index("close")])
    present = np.zeros((sessions, n_symbols), dtype=np.bool_)
    present[bars.column[known], bars.symbol[known]] = True
    return present[columns]
