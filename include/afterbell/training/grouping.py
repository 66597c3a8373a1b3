"""The group of each row, by symbol, liquidity or the value of a feature; and how many parts a fit of many is cut into.

A group is named by what its rows have in common: the symbol, the number of the bucket from 1 on, the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.errors import PermanentError
from afterbell.training.grouping_spec import ByColumn, ByLiquidity, ByMarket, BySymbol
from afterbell.training.matrix import Matrix, session_starts

MOST_VALUES = 1_000
"""Values of a column that rows are grouped by."""
_BLOCK = 100
"""Groups of a block: seconds of work for small models, so that a market of thousands of symbols fills many cores."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Groups:
    """The groups of all rows of a matrix.

    Attributes:
        names: of the groups; some may have no row.
        codes: int32 (rows,), index into ``names``; -1 for a row in no group.
    """

    names: tuple[str, ...]
    codes: Codes

    def block(self, block: tuple[int, int] | None) -> range:
        """The codes of the groups of a block; of all groups where there are no blocks."""
        if block is None:
            return range(len(self.names))
        number, blocks = block[0] - 1, block[1] - 1
        if number < 0:
            return range(0)  # the first block has the market's model alone
        return range(len(self.names) * number // blocks, len(self.names) * (number + 1) // blocks)


def groups_of(grouping: BySymbol | ByLiquidity | ByColumn, matrix: Matrix) -> Groups:
    """The groups of the rows of ``matrix``.

    Raises:
        PermanentError: the column is no feature, or has other values than expected.
    """
    if isinstance(grouping, BySymbol):
        return Groups(matrix.tickers, matrix.symbols)
    if isinstance(grouping, ByLiquidity):
        names = tuple(str(number + 1) for number in range(grouping.buckets))
        return Groups(names, liquidity_codes(matrix.sessions, matrix.dollars, grouping.buckets))
    return _by_column(grouping.column, matrix)


def blocks_of(grouping: ByMarket | BySymbol | ByLiquidity | ByColumn, matrix: Matrix) -> int:
    """How many blocks a fit to report is cut into: the number of groups decides, not that of the cores.

    1 where there are few groups; else the first has the market's model, and each other one up to a hundred groups.
    """
    if isinstance(grouping, ByMarket):
        return 1
    groups = len(groups_of(grouping, matrix).names)
    return 1 if groups <= _BLOCK else 1 + math.ceil(groups / _BLOCK)


def _by_column(column: str, matrix: Matrix) -> Groups:
    if column not in matrix.names:
        raise PermanentError(
            f"grouping.column of the model specification: {column} is no feature of {', '.join(matrix.sets)}; expected "
            f"one such as {matrix.names[0]}"
        )
    values = np.asarray(matrix.features[matrix.names.index(column)])
    known = np.isfinite(values)
    distinct, places = np.unique(values[known], return_inverse=True)
    if (distinct != np.rint(distinct)).any():
        raise PermanentError(
            f"grouping.column of the model specification: {column} has values such as "
            f"{distinct[distinct != np.rint(distinct)][0]:g}, expected whole numbers: name a feature that has them"
        )
    if distinct.size > MOST_VALUES:
        raise PermanentError(
            f"grouping.column of the model specification: {column} has {distinct.size} values, expected {MOST_VALUES} "
            "at most: name a coarser feature"
        )
    codes = np.full(values.size, -1, np.int32)
    codes[known] = places
    return Groups(tuple(str(int(value)) for value in distinct), codes)


def liquidity_codes(sessions: NDArray[np.integer], dollars: NDArray[np.float32], buckets: int) -> Codes:
    """Buckets by the rank of dollars within the session, from 0 on; -1 where dollars are not known.

    Of n rows that of rank r, from 0 on, is in bucket ``r * buckets // n``; equal dollars rank in the order of the rows.

    Args:
        sessions: (rows,), ascending: all rows of each session.
        dollars: float32 (rows,).
        buckets: how many.
    """
    codes = np.full(dollars.size, -1, np.int32)
    known = np.flatnonzero(np.isfinite(dollars))
    if known.size:
        order = known[np.lexsort((dollars[known], sessions[known]))]
        starts = session_starts(sessions[known])
        sizes = np.diff(starts)
        ranks = np.arange(order.size) - np.repeat(starts[:-1], sizes)
        codes[order] = ranks * buckets // np.repeat(sizes, sizes)
    return codes


def liquidity_buckets(
    symbols: Sequence[str], dollars: Sequence[float | None], in_universe: Sequence[bool], buckets: int
) -> dict[str, str]:
    """The group by liquidity of each symbol of one session, as training has it for those of its universe.

    A symbol outside is in the bucket of those in the universe that trade as much; without dollars it is in none.

    Args:
        symbols: of the session.
        dollars: their trailing medians, None or NaN where not known.
        in_universe: whether they pass the universe's filter.
        buckets: how many.
    """
    order = sorted(range(len(symbols)), key=lambda place: symbols[place])  # as a matrix has them
    names = [symbols[place] for place in order]
    values = np.array([dollars[place] for place in order], dtype=np.float32)
    ranked = np.isfinite(values) & np.array([bool(in_universe[place]) for place in order], dtype=np.bool_)
    codes = liquidity_codes(np.zeros(len(names), np.int32), np.where(ranked, values, np.nan), buckets)
    universe = np.sort(values[ranked])
    others = np.isfinite(values) & ~ranked
    if universe.size:
        below = np.searchsorted(universe, values[others])
        codes[others] = np.minimum(below * buckets // universe.size, buckets - 1)
    return {name: str(code + 1) for name, code in zip(names, codes.tolist(), strict=True) if code >= 0}


def names_of(groups: Groups, rows: Iterable[int]) -> list[str]:
    """The names of the groups of some rows of the matrix; empty for a row in none."""
    return [groups.names[code] if code >= 0 else "" for code in groups.codes[np.asarray(rows)].tolist()]


def newest_members(grouping: BySymbol | ByLiquidity | ByColumn, groups: Groups, matrix: Matrix) -> Mapping[str, str]:
    """The group of each symbol in the newest session, where nothing that a model is given tells it: by liquidity."""
    if not isinstance(grouping, ByLiquidity):
        return {}
    newest = matrix.rows(int(matrix.sessions[-1]), int(matrix.sessions[-1]))
    rows = range(newest.start, newest.stop)
    symbols = [matrix.tickers[code] for code in matrix.symbols[newest].tolist()]
    return {symbol: name for symbol, name in zip(symbols, names_of(groups, rows), strict=True) if name}
