"""Our factors beside Qlib's, cell by cell.

    python -m bench.qlib.compare OURS QLIB [--worst N]

Both are Parquet files of columns ``symbol``, ``session`` and factors by name; rows that only one of them has are left
out, and counted. Runs in Qlib's environment and in Spark's.
"""

from __future__ import annotations

import argparse
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


def compare_files(ours: Path, theirs: Path) -> Iterator[tuple[Agreement, list[str]]]:
    """Compare the factors of two files one by one, each with lines that show its misses."""
    left, right, keys = _matched(ours, theirs)
    for factor in [name for name in pq.read_schema(theirs).names if name not in {"symbol", "session"}]:
        mine, other = _column(ours, factor)[left], _column(theirs, factor)[right]
        found = compare(factor, mine, other)
        yield (
            found,
            [
                f"{keys['symbol'][at]} {keys['session'][at]}: ours {mine[at]:.9g}, Qlib {other[at]:.9g}"
                for at in found.misses.tolist()
            ],
        )


def _matched(ours: Path, theirs: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], pa.Table]:
    """Rows of each file that are in both, in one order, with their keys."""
    names = ["symbol", "session"]
    sides = []
    for side, path in (("left", ours), ("right", theirs)):
        keys = pq.read_table(path, columns=names).cast(pa.schema({"symbol": pa.string(), "session": pa.date32()}))
        sides.append(keys.append_column(side, pa.array(np.arange(keys.num_rows))))
    both = sides[0].join(sides[1], names, join_type="inner").sort_by([(name, "ascending") for name in names])
    print(f"{both.num_rows} rows in both, of {sides[0].num_rows} of ours and {sides[1].num_rows} of Qlib's")
    return both["left"].to_numpy(), both["right"].to_numpy(), both


def _column(path: Path, name: str) -> Cells:
    return pq.read_table(path, columns=[name])[name].to_numpy().astype(np.float64)


def main() -> None:
    """Print a line a factor, and its worst cells."""
    parser = argparse.ArgumentParser(prog="bench.qlib.compare", allow_abbrev=False)
    parser.add_argument("ours", type=Path)
    parser.add_argument("qlib", type=Path)
    parser.add_argument("--worst", type=int, default=3)
    given = parser.parse_args()
    for found, lines in compare_files(given.ours, given.qlib):
        print(f"{found.factor:<8} {100 * found.share:8.4f} %  {len(found.misses)} of {found.cells} differ")
        for line in lines[: given.worst]:
            print(f"    {line}")


if __name__ == "__main__":
    main()
