"""Features and labels of all rows as flat files that fits map into memory.

One folder a training run::

    features.npy   float32 (rows, features), C order, NaN where a factor is not defined
    labels.npy     float32 (rows, horizons), raw simple returns, NaN where not known
    targets.npy    float32 (rows, horizons), what models fit
    sessions.npy   int32 (rows,), ordinal in the session grid, ascending
    symbols.npy    int32 (rows,), index into the sorted symbols, ascending within a session
    index.json     names, horizons, the session grid and the symbols

Rows are ordered by (session, symbol), so the bytes do not depend on how Spark split the work, and the rows of
any range of sessions are one slice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afterbell.errors import PermanentError, StaleInputError

ARRAYS = ("features", "labels", "targets", "sessions", "symbols")
FILES = (*(f"{name}.npy" for name in ARRAYS), "index.json")


@dataclass(frozen=True)
class Matrix:
    """All rows of a training run; arrays as the module describes them, perhaps mapped from files.

    Attributes:
        names: of the features, in the order of the columns.
        horizons: in sessions, in the order of the label columns.
        grid: every session of the exchange from the first row's to the run's session, traded or not.
        tickers: sorted symbols that ``symbols`` points into.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    targets: NDArray[np.float32]
    sessions: NDArray[np.int32]
    symbols: NDArray[np.int32]
    names: tuple[str, ...]
    horizons: tuple[int, ...]
    grid: tuple[date, ...]
    tickers: tuple[str, ...]

    def rows(self, first: int, last: int) -> slice:
        """The rows of the sessions ``first`` to ``last``, ordinals, both included."""
        start, end = np.searchsorted(self.sessions, [first, last + 1])
        return slice(int(start), int(end))

    def save(self, folder: Path) -> list[Path]:
        """Write the files of this matrix into ``folder`` and return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        index = {
            "names": self.names,
            "horizons": self.horizons,
            "grid": [day.isoformat() for day in self.grid],
            "tickers": self.tickers,
        }
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        return [folder / name for name in FILES]

    @classmethod
    def load(cls, folder: Path) -> Matrix:
        """Map the files of ``folder`` into memory, read-only: fits on one host share the pages."""
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        return cls(
            **arrays,
            names=tuple(index["names"]),
            horizons=tuple(index["horizons"]),
            grid=tuple(date.fromisoformat(day) for day in index["grid"]),
            tickers=tuple(index["tickers"]),
        )


def session_starts(sessions: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where each session's rows start, then the number of rows; int64 (sessions + 1,)."""
    changes = np.flatnonzero(np.diff(sessions)) + 1
    return np.concatenate(([0], changes, [sessions.size])).astype(np.int64)


def check_order(sessions: NDArray[np.int32], symbols: NDArray[np.int32]) -> None:
    """Refuse two rows of one (symbol, session), or rows out of order.

    Raises:
        StaleInputError: there are such rows: the feature table holds two versions of a session.
    """
    same, ascending = np.diff(sessions) == 0, np.diff(sessions) > 0
    wrong = ~(ascending | (same & (np.diff(symbols) > 0)))
    if wrong.any():
        raise StaleInputError(
            f"{int(wrong.sum())} (symbol, session) pairs stand more than once in the features of this snapshot and "
            "definition; expected each once: rerun the step `features`"
        )


def check_features(matrix: Matrix, optional: tuple[str, ...]) -> None:
    """Refuse features that say nothing.

    Raises:
        PermanentError: a feature not declared optional is all NaN or constant over all rows.
    """
    useless = []
    for number, name in enumerate(matrix.names):
        if name not in optional:
            column = matrix.features[:, number]
            known = column[np.isfinite(column)]
            if known.size == 0 or known.min() == known.max():
                useless.append(name)
    if useless:
        raise PermanentError(
            f"features {', '.join(useless)} are all NaN or constant over {matrix.sessions.size} rows; expected them to "
            "vary: check the step `features`, or name them in optional_features of the model specification"
        )
