"""Uploads a vendor's deliveries to the stores: simulated ones, or a folder of real drops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from afterbell.config.runtime import Runtime
from afterbell.errors import MissingDropsError
from afterbell.stores.factory import drop_store
from afterbell.stores.keys import check_key
from afterbell.stores.protocols import Delivery, DropStore, StoredObject, StoreKind

_THREADS = 8
_WAITING = 4 * _THREADS  # deliveries taken from the source ahead of the writers; each holds its bytes
_KINDS: tuple[StoreKind, ...] = ("s3", "hdfs")


@dataclass(frozen=True)
class UploadSummary:
    """Result of an upload.

    Attributes:
        objects: how many were written.
        bytes: their size.
        skipped: how many were already present with the same bytes.
    """

    objects: int = 0
    bytes: int = 0
    skipped: int = 0


Progress = Callable[[UploadSummary], None]
"""Called with the totals so far, after each object, in the caller's thread."""


def upload(deliveries: Iterable[Delivery], runtime: Runtime, on_progress: Progress | None = None) -> UploadSummary:
    """Write ``deliveries`` to the feed bucket and to HDFS; objects that are there with the same bytes are left.

    Eight at a time, in no order; the bucket and the root folder are created where they aren't there.

    Raises:
        StoreConfigError: a store refused; what was written until then stays, and is skipped next time.
        StoreUnavailableError: a store did not answer, after bounded retries.
    """
    targets = {kind: _Target(drop_store(kind, runtime)) for kind in _KINDS}
    done = UploadSummary()
    source = iter(deliveries)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="upload") as pool:
        running: set[Future[int | None]] = set()
        try:
            while True:
                for item in itertools.islice(source, _WAITING - len(running)):
                    running.add(pool.submit(targets[item.store].bring, item))
                if not running:
                    return done
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    done = _add(done, future.result())
                    if on_progress:
                        on_progress(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Target:
    """One store, and what it held when the upload began."""

    def __init__(self, store: DropStore) -> None:
        store.ensure()
        self._store = store
        self._held: dict[str, StoredObject] = {item.key: item for item in store.list("")}

    def bring(self, item: Delivery) -> int | None:
        """Write one object; returns its size, None where the same bytes are there already."""
        held = self._held.get(item.key)
        if held is not None and self._store.holds(held, item.body):
            return None
        return self._store.put(item.key, item.body).size


def _add(done: UploadSummary, written: int | None) -> UploadSummary:
    if written is None:
        return UploadSummary(done.objects, done.bytes, done.skipped + 1)
    return UploadSummary(done.objects + 1, done.bytes + written, done.skipped)


def folder_deliveries(folder: Path) -> Iterator[Delivery]:
    """The drops in a folder laid out as the vendor's: ``s3/<key>`` for the bucket, ``hdfs/<path>`` for HDFS.

    The folder is checked at once, its files are read one after another as they are needed. Hidden files are left.

    Raises:
        MissingDropsError: there is no such folder, or no price drop in it.
        ConfigError: a file's name can't be a key.
    """
    drops = [(kind, path) for kind in _KINDS for path in _files(folder / kind)]
    expected = folder / "s3" / "prices" / "YYYY" / "YYYYMMDD.csv.gz"
    if not folder.is_dir():
        raise MissingDropsError(f"{folder} is not a folder: expected one with drops at {expected}")
    if not any(kind == "s3" and path.match("prices/*/*.csv.gz") for kind, path in drops):
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise MissingDropsError(
            f"{folder} has no price drops: expected files like {expected} "
            f"(and hdfs/reports/..., hdfs/symbols/...), found {names}; nothing was uploaded"
        )
    keys = [check_key(path.relative_to(folder / kind).as_posix()) for kind, path in drops]
    return (Delivery(kind, key, path.read_bytes()) for (kind, path), key in zip(drops, keys, strict=True))


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
