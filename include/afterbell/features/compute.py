"""Revisions to feature rows: the one piece of code behind the daily run and the bulk run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from afterbell.features.compiled import Kernel, compiled
from afterbell.features.factors import Factor, FactorSet
from afterbell.features.filings import Filings, Further
from afterbell.features.grid import Actions, Bars, Floats, Ints, SessionGrid
from afterbell.features.panel import action_cells, bar_cells, blocks, presence
from afterbell.features.sections import set_columns
from afterbell.features.view import SERIES, View


@dataclass(frozen=True)
class FeatureRows:
    """Feature rows, ordered by session and symbol.

    Attributes:
        symbol: shape ``(n,)``, codes.
        session: shape ``(n,)``, days since 1970-01-01.
        values: float32 of shape ``(n_factors, n)``, NaN where a factor has no finite value.
    """

    symbol: Ints
    session: Ints
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Call:
    """One call of a kernel, which answers for all factors of its kind.

    Attributes:
        kernel: the kernel.
        inputs: names of series.
        windows: ascending.
        places: int64 of shape ``(answers, windows)``, positions of factors; -1 where no factor uses the answer.
    """

    kernel: Kernel
    inputs: tuple[str, ...]
    windows: Ints
    places: Ints


def compute(
    bars: Bars, actions: Actions, grid: SessionGrid, n_symbols: int, factors: FactorSet, target_columns: Ints,
    filings: Filings | None = None,
) -> FeatureRows:  # fmt: skip
    """Rows of ``target_columns``, for every symbol with a bar known at that session's cut-off.

    Args:
        bars: revisions on sessions of ``grid``, of the whole market: factors may compare a session's symbols.
        actions: revisions; those before the grid's first session concern filings alone.
        grid: must reach ``factors.depth`` sessions back from the first target column; where it begins later, the
            sessions before count as having no bars.
        n_symbols: codes are below it.
        factors: the set.
        target_columns: columns of the grid to compute rows of, ascending.
        filings: for a set that has a source: of ``factors.history`` days before the first target session, by period
            end, or of more; ``actions`` then go as far back.

    Raises:
        PermanentError: a bar or an action lies on a day that is no session of ``grid``.
        ValueError: the set takes series from filings, and none are given.
    """
    moving = actions.where(actions.session >= grid.days[0])  # earlier ones concern filings alone
    cells, moves = bar_cells(bars, grid, n_symbols), action_cells(moving, grid, n_symbols)
    present = presence(cells, target_columns, n_symbols, len(grid.days))
    row_numbers = np.where(present, np.cumsum(present).reshape(present.shape) - 1, -1)
    column, symbol = np.nonzero(present)
    values = np.empty((len(factors.computed), len(symbol)), dtype=np.float32)
    calls = _group_calls(factors.computed)
    names = frozenset(name for factor in factors.computed for name in factor.inputs)
    open_block = _open_source(factors, filings, actions, grid, n_symbols)
    for first, panel in blocks(grid, cells, moves, n_symbols, factors.depth):
        block_rows = row_numbers[:, first : first + panel.bars.arrays.shape[-1]]
        views: list[Further] = [View(panel, factors.depth, names & frozenset(SERIES))]
        views += [open_block(first, block_rows.shape[1])] if open_block else []
        series = {name: array for view in views for name, array in view.named.items()}
        bound_calls = [
            (call, [series[name] for name in call.inputs], np.empty((*call.places.shape, block_rows.shape[1])))
            for call in calls
        ]
        for target in np.flatnonzero((block_rows >= 0).any(axis=1)).tolist():
            for view in views:
                view.look(int(target_columns[target]))
            lanes = np.flatnonzero(block_rows[target] >= 0)
            for call, inputs, out in bound_calls:
                call.kernel.function(*inputs, call.windows, out)
                _store_answers(out, call.places, lanes, int(block_rows[target, lanes[0]]), values)
    values = set_columns(factors, values, np.searchsorted(column, np.arange(len(target_columns) + 1)))
    return FeatureRows(symbol.astype(np.int64), grid.days[target_columns][column], values)


def _open_source(
    factors: FactorSet, filings: Filings | None, actions: Actions, grid: SessionGrid, n_symbols: int
) -> Callable[[int, int], Further] | None:  # fmt: skip
    if factors.source is None:
        return None
    if filings is None:
        raise ValueError(f"factor set {factors.name} takes series from filings: give compute() the filings")
    return factors.source.open(filings, actions, grid, n_symbols)


def _group_calls(factors: Sequence[Factor]) -> list[_Call]:
    def call_key(factor: Factor) -> tuple[str, str, tuple[str, ...]]:
        return factor.kernel.module, factor.kernel.name, factor.inputs

    calls = []
    for _, group in groupby(sorted(factors, key=call_key), key=call_key):
        members = list(group)
        windows = sorted({factor.window for factor in members})
        places = np.full((members[0].kernel.answers, len(windows)), -1, dtype=np.int64)
        for factor in members:
            places[factor.answer, windows.index(factor.window)] = factors.index(factor)
        calls.append(_Call(members[0].kernel, members[0].inputs, np.array(windows, dtype=np.int64), places))
    return calls


@compiled
def _store_answers(out: Floats, places: Ints, lanes: Ints, row: int, values: npt.NDArray[np.float32]) -> None:
    """Write the answers of ``lanes``; their rows are consecutive, from ``row`` on."""
    for answer in range(out.shape[0]):
        for window in range(out.shape[1]):
            factor = places[answer, window]
            if factor < 0:
                continue
            for position in range(len(lanes)):
                value = np.float32(out[answer, window, lanes[position]])
                values[factor, row + position] = value if abs(value) < np.inf else np.float32(np.nan)
