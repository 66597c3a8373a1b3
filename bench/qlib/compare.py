"""Our factors beside Qlib's, cell by cell. Runs in Qlib's environment and in Spark's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

TOLERANCE = 1e-4
"""Relative to Qlib's value."""
ZERO = 1e-12
"""Below this both are what rounding left of 0: Qlib's own epsilon in denominators."""

Cells = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How one factor compares.

    Attributes:
        factor: its name.
        cells: how many were compared.
        misses: positions of those that differ, the greatest relative difference first; NaN on one side alone leads.
    """

    factor: str
    cells: int
    misses: npt.NDArray[np.int64]

    @property
    def share(self) -> float:
        """The share of cells that agree, in [0, 1]."""
        return 1.0 - len(self.misses) / self.cells


def compare(factor: str, ours: Cells, theirs: Cells) -> Agreement:
    """Compare one factor's cells: equal within ``TOLERANCE``, both missing, or both 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(ours - theirs)
        near = apart <= TOLERANCE * np.abs(theirs)
        zero = np.maximum(np.abs(ours), np.abs(theirs)) <= ZERO
        both_missing = np.isnan(ours) & np.isnan(theirs)
        misses = np.flatnonzero(~(near | zero | both_missing))
        size = np.nan_to_num(apart[misses] / np.abs(theirs[misses]), nan=np.inf)
    return Agreement(factor, len(ours), misses[np.argsort(-size, kind="stable")])


def compare_files(ours: Path, theirs: Path) -> Iterator[tuple[Agreement, pa.Table]]:
    """Compare the factors of two files one by one, each with the cells that differ.

    Both are Parquet files of columns ``symbol``, ``session`` and factors by name; rows that only one of them has are
    left out. A cell is ``symbol``, ``session``, ``factor``, ``ours``, ``theirs``.
    """
    left, right, keys = _matched(ours, theirs)
    for factor in [name for name in pq.read_schema(theirs).names if name not in {"symbol", "session"}]:
        mine, other = _column(ours, factor)[left], _column(theirs, factor)[right]
        found = compare(factor, mine, other)
        cells = keys.select(["symbol", "session"]).take(pa.array(found.misses))
        values = {"ours": mine[found.misses], "theirs": other[found.misses]}
        name = pa.array([factor] * len(found.misses), pa.string())
        yield found, pa.table({"symbol": cells["symbol"], "session": cells["session"], "factor": name, **values})


def _matched(ours: Path, theirs: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], pa.Table]:
    """Rows of each file that are in both, in one order, with their keys."""
    names = ["symbol", "session"]
    sides = []
    for side, path in (("left", ours), ("right", theirs)):
        keys = pq.read_table(path, columns=names).cast(pa.schema({"symbol": pa.string(), "session": pa.date32()}))
        sides.append(keys.append_column(side, pa.array(np.arange(keys.num_rows))))
    both = sides[0].join(sides[1], names, join_type="inner").sort_by([(name, "ascending") for name in names])
    return both["left"].to_numpy(), both["right"].to_numpy(), both


def _column(path: Path, name: str) -> Cells:
    cells: Cells = pq.read_table(path, columns=[name])[name].to_numpy().astype(np.float64)
    return cells
