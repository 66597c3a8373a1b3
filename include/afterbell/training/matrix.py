"""Features and labels of all rows as flat files that fits map into memory.

One folder a matrix, written once by ``build`` and kept by ``shelf``::

    features.npy   float32 (features, rows): a column is one run of bytes; NaN where a factor is not defined
    labels.npy     float32 (horizons, rows), raw simple returns, NaN where not known
    targets.npy    float32 (horizons, rows), what models fit
    sessions.npy   int32 (rows,), ordinal in the session grid, ascending
    symbols.npy    int32 (rows,), index into the sorted symbols, ascending within a session
    dollars.npy    float32 (rows,), the trailing median of dollars traded that the universe is judged by
    index.json     names, horizons, the session grid, the symbols, the sets, and what it was made from

Rows are ordered by (session, symbol), so the bytes do not depend on how the tables' files are cut, and the rows of any
range of sessions are one slice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afterbell.errors import PermanentError

ARRAYS = ("features", "labels", "targets", "sessions", "symbols", "dollars")
INDEX = "index.json"
FILES = (*(f"{name}.npy" for name in ARRAYS), INDEX)


@dataclass(frozen=True)
class Matrix:
    """All rows of a training run; arrays as the module describes them, perhaps mapped from files.

    Attributes:
        names: of the features, in the order of ``features``.
        horizons: in sessions, in the order of ``labels``.
        grid: every session of the exchange from the first row's to the run's session, traded or not.
        tickers: sorted symbols that ``symbols`` points into; some may have no row.
        sets: the columns of each factor set, in the order of ``names``.
        made_from: snapshot ids, definitions, universe and range that the matrix was made from.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    targets: NDArray[np.float32]
    sessions: NDArray[np.int32]
    symbols: NDArray[np.int32]
    dollars: NDArray[np.float32]
    names: tuple[str, ...]
    horizons: tuple[int, ...]
    grid: tuple[date, ...]
    tickers: tuple[str, ...]
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made_from: dict[str, object] = field(default_factory=dict)

    def rows(self, first: int, last: int) -> slice:
        """The rows of the sessions ``first`` to ``last``, ordinals, both included."""
        start, end = np.searchsorted(self.sessions, [first, last + 1])
        return slice(int(start), int(end))

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features of ``rows`` in one copy: float32 (rows, features), column by column in memory.

        LightGBM reads such an array as it lies.
        """
        out = np.empty((len(self.names), rows.size), np.float32)
        for column, target in zip(self.features, out, strict=True):
            np.take(column, rows, out=target, mode="clip")  # "raise" would fill a buffer first
        return out.T

    @classmethod
    def load(cls, folder: Path) -> Matrix:
        """Map the files of ``folder`` into memory, read-only: fits on one host share the pages."""
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        return cls(
            **arrays,
            names=tuple(index["names"]),
            horizons=tuple(index["horizons"]),
            grid=tuple(date.fromisoformat(day) for day in index["grid"]),
            tickers=tuple(index["tickers"]),
            sets={name: tuple(columns) for name, columns in index["sets"].items()},
            made_from=index["made_from"],
        )


def session_starts(sessions: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each session's rows start, then the number of rows; int64 (sessions + 1,)."""
    changes = np.flatnonzero(np.diff(sessions)) + 1
    return np.concatenate(([0], changes, [sessions.size])).astype(np.int64)


def check_features(matrix: Matrix, optional: tuple[str, ...]) -> None:
    """Refuse features that carry no information.

    Raises:
        PermanentError: a feature not declared optional is all NaN or constant over all rows.
    """
    useless = [
        name
        for name, column in zip(matrix.names, matrix.features, strict=True)
        # Both leave NaN out; of NaN alone they make NaN, which is less than nothing.
        if name not in optional and not np.fmin.reduce(column) < np.fmax.reduce(column)
    ]
    if useless:
        raise PermanentError(
            f"features {', '.join(useless)} are all NaN or constant over {matrix.sessions.size} rows; expected them to "
            "vary: check the step `features`, or name them in optional_features of the model specification"
        )
