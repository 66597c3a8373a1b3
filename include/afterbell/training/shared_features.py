"""What a family makes of the features of some rows, made once on a host and shared by all fits on these rows.

For LightGBM that is the binned features: seconds of work, and a quarter of the memory. A file lies beside the matrix,
in a folder that goes with it, under a name that everything that decides its content is part of. It appears by a rename,
so one that exists is whole. Whatever keeps it from being written, the fit goes on without it, and gives the same bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from afterbell.packages import installed_versions
from afterbell.training.families import family_of, fit_model
from afterbell.training.families.base import Family, Preparation
from afterbell.training.families.boosting import HeldRows
from afterbell.training.matrix import Matrix
from afterbell.training.matrix_cache import matrix_key

_Made = TypeVar("_Made")
FOLDER = "shared"
"""Beside the files of a matrix."""
_SPARE = 1 << 30
"""Bytes that stay free on the disk: what is shared saves time, and must not cost a run its room."""


def fit_rows(
    family: str,
    matrix: Matrix,
    rows: NDArray[np.int64],
    target: NDArray[np.float32],
    *,
    params: Any,
    seed: int,
    weights: NDArray[np.float32] | None = None,
    shared: Path | None = None,
) -> bytes:
    """A model's text; see ``families.fit_model``.

    Args:
        family: the name of a registered family.
        matrix: with the features.
        rows: which rows to train on, int64, ascending.
        target: of these rows, float32, finite.
        params: the family's parameters.
        seed: below 2**31.
        weights: of these rows, float32, above 0; None where all count the same.
        shared: the folder of shared files on this host; None to share nothing.
    """
    names = matrix.names
    return _with_features(
        family_of(family),
        matrix,
        rows,
        params,
        shared,
        lambda preparation, path: preparation.fit(path, target, names, params, seed, weights),
        lambda x: fit_model(family, x, target, names, params=params, seed=seed, weights=weights),
    )


def best_rounds_of_rows(
    family: Family,
    matrix: Matrix,
    rows: NDArray[np.int64],
    labels: tuple[NDArray[np.float32], NDArray[np.float32] | None],
    held: HeldRows,
    *,
    params: Any,
    seed: int,
    shared: Path | None = None,
) -> int:
    """How many rounds predict the held rows best; see ``families.base.BestRounds``.

    Args:
        family: one with rounds.
        matrix: with the features.
        rows: which rows to train on, int64, ascending.
        labels: target and weights of these rows, float32: finite; above 0, or None where all count the same.
        held: the rows to predict.
        params: the family's parameters.
        seed: below 2**31.
        shared: the folder of shared files on this host; None to share nothing.

    Raises:
        TypeError: the family has no rounds.
    """
    count, names, (target, weights) = family.best_rounds, matrix.names, labels
    if count is None:
        raise TypeError(f"model family {family.name} has no rounds")

    def count_prepared(preparation: Preparation, path: Path) -> int:
        if preparation.best_rounds is None:
            return count(matrix.take(rows), target, names, params, seed, weights, held)
        return preparation.best_rounds(path, target, names, params, seed, weights, held)

    return _with_features(
        family,
        matrix,
        rows,
        params,
        shared,
        count_prepared,
        lambda x: count(x, target, names, params, seed, weights, held),
    )


def _with_features(
    family: Family,
    matrix: Matrix,
    rows: NDArray[np.int64],
    params: Any,
    shared: Path | None,
    from_file: Callable[[Preparation, Path], _Made],
    from_rows: Callable[[NDArray[np.float32]], _Made],
) -> _Made:
    """What is made of the features of ``rows``: from a shared file where there can be one, else from the rows."""
    preparation = family.preparation
    if shared is not None and preparation is not None:
        path = _shared_file(shared, family, preparation, matrix, rows, params)
        if path is not None:
            try:
                return from_file(preparation, path)
            except Exception:  # noqa: BLE001 - a file that is broken costs its time; any other error comes again
                path.unlink(missing_ok=True)
    return from_rows(matrix.take(rows))


def _shared_file(
    folder: Path, family: Family, preparation: Preparation, matrix: Matrix, rows: NDArray[np.int64], params: Any
) -> Path | None:
    """The file of these rows, made if it isn't there; None where it can't be."""
    decided_by = {
        "family": family.name,
        "params": preparation.key(params),
        "versions": installed_versions(family.packages),
        "matrix": matrix_key(matrix.made_from),
        "names": matrix.names,
        "rows": hashlib.sha256(np.ascontiguousarray(rows, np.int64).data).hexdigest(),
    }
    name = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:32]
    room = rows.size * len(matrix.names) * np.dtype(np.float32).itemsize
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / name).exists() and shutil.disk_usage(folder).free < room + _SPARE:
            return None
        return _made_once(folder / name, lambda path: preparation.write(matrix.take(rows), matrix.names, params, path))
    except OSError:  # a folder or disk that can't be written
        return None


def _made_once(path: Path, write: Callable[[Path], None]) -> Path:
    """``path``, written by one task of this host while others wait for it."""
    if path.exists():
        return path
    with _locked(path.with_suffix(".lock")):
        if not path.exists():
            making = path.with_suffix(f".making-{uuid.uuid4().hex}")
            try:
                write(making)
                with making.open("rb") as written:
                    os.fsync(written.fileno())
                making.rename(path)
            finally:
                making.unlink(missing_ok=True)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The lock of ``path``, which ends with the process."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
