"""The matrices on this machine's disk, below ``AFTERBELL_HOME/matrices``: a folder each, written once, mapped by many.

A folder appears under its key by a rename, after all of it is on the disk: one that exists is whole. Whoever uses a
folder holds a lock on it, which ends with the process; a locked folder is not removed. Otherwise the ``KEPT`` last used
stay, so that the disk doesn't fill: others are removed before a new one is made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from afterbell.lake.commit import commit_id
from afterbell.provenance import code_version, environment_versions
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.spec import ModelSpec

KEPT = 3
"""Matrices that stay after one is made; one of 2 million rows and 158 features takes 1.3 GB."""
_MAKING = ".making-"


def made_from(
    session: date, exchange: str, snapshots: TrainingSnapshots, spec: ModelSpec, first: date | None = None
) -> dict[str, object]:
    """The inputs of a matrix, as JSON: snapshots, definitions, range, universe, labels, target, code and libraries.

    Families, folds and seeds of the specification don't: they may change without another matrix. ``first`` is the
    session before which rows are left out, None for no limit.
    """
    unseen = {"unseen": [spec.unseen, spec.unseen_look_back]} if spec.unseen != "keep" else {}
    return (
        ({"first_session": first.isoformat()} if first else {})
        | unseen
        | {
            "inputs": snapshots.ids(),
            "definition_hashes": snapshots.definitions,
            "feature_sets": list(spec.feature_sets),
            "last_session": session.isoformat(),
            "exchange": exchange,
            "universe": spec.universe.model_dump(mode="json"),
            "horizons": list(spec.horizons),
            "target": spec.target,
            "code": code_version(),
            "environment": environment_versions(),
        }
    )


def matrix_key(origin: Mapping[str, object]) -> str:
    """The name of the folder of a matrix made from ``origin``: 32 hexadecimal digits."""
    return commit_id("matrix", **origin)


@contextmanager
def matrix_folder(root: Path, key: str, make: Callable[[Path], object]) -> Iterator[Path]:
    """The folder of the matrix ``key``, made by ``make`` if it isn't there; it stays until the context ends.

    Args:
        root: of all matrices.
        key: decided by all that the matrix is made from.
        make: writes the files into an empty folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root / key
    while (held := _lock(folder, fcntl.LOCK_SH)) is None:
        prune(root, KEPT - 1)
        _make_folder(root, folder, make)
    try:
        os.utime(folder)  # the time of its last use
        yield folder
    finally:
        os.close(held)


def prune(root: Path, kept: int) -> list[str]:
    """Remove folders not in use: the unfinished ones, and all but the ``kept`` last used; returns their names."""
    finished = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(_MAKING)]
    by_age = sorted(finished, key=lambda path: path.stat().st_mtime, reverse=True)
    removed = []
    for path in (*by_age[kept:], *root.glob(f"{_MAKING}*")):
        held = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if held is not None:
            # Renamed first: a crash in between leaves nothing that looks whole.
            doomed = path if path.name.startswith(_MAKING) else path.rename(root / f"{_MAKING}{uuid.uuid4().hex}")
            shutil.rmtree(doomed, ignore_errors=True)
            os.close(held)
            removed.append(path.name)
    return removed


def _make_folder(root: Path, folder: Path, make: Callable[[Path], object]) -> None:
    lock = None
    while lock is None:  # another process may remove it before it is locked
        making = root / f"{_MAKING}{uuid.uuid4().hex}"
        making.mkdir()
        lock = _lock(making, fcntl.LOCK_SH)
    try:
        make(making)
        for path in (*making.iterdir(), making):
            _sync(path)
        try:
            making.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            # Another process has made the same in the meantime.
            shutil.rmtree(making)
        _sync(root)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _lock(folder: Path, how: int) -> int | None:
    """A descriptor that holds the lock; None where the folder isn't there, or is locked and ``how`` doesn't wait."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, how)
        if folder.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
