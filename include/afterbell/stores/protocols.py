"""What the steps ask of a store of drops, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it.

    Attributes:
        store: ``s3`` or ``hdfs``.
        key: S3 key, or the path below the feed's root on HDFS; never with a leading slash.
        size: bytes.
        version: what changes when the bytes do: the ETag on S3, ``<length>-<modification time in ms>`` on HDFS.
    """

    store: str
    key: str
    size: int
    version: str


class DropStore(Protocol):
    """Objects that a vendor delivers."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All complete objects below ``prefix``, in the order of their keys, listings paginated."""
        ...

    def read(self, found: StoredObject) -> bytes:
        """The bytes of exactly that version.

        Raises:
            ObjectChangedError: it was replaced since it was listed.
            ObjectMissingError: it is gone.
            StoreUnavailableError: the store did not answer, after bounded retries.
        """
        ...

    def put(self, key: str, body: bytes) -> StoredObject:
        """Write an object whole: a reader sees all of it or none."""
        ...
