"""The interface of a store of drops that the steps use, whichever store it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

StoreKind = Literal["s3", "hdfs"]


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it.

    Attributes:
        store: ``s3`` or ``hdfs``.
        key: S3 key, or the path below the feed's root on HDFS; never with a leading slash.
        size: bytes.
        version: what changes when the bytes do: the ETag on S3, ``<length>-<modification time in ms>`` on
            HDFS.
        modified: when it was last written, in UTC, by the store's clock; None where the store did not state it
            (S3's answer to a write). Not compared: two objects of one version are the same.
        refusal: why it can't be read, where that shows in the listing (a folder that may not be listed, a name that no
            key can have); empty where it can be read. Not compared either.
    """

    store: str
    key: str
    size: int
    version: str
    modified: datetime | None = field(default=None, compare=False)
    refusal: str = field(default="", compare=False)


@dataclass(frozen=True)
class Delivery:
    """One object that a vendor is about to deliver.

    Attributes:
        store: where it goes.
        key: S3 key, or the path below the feed's root on HDFS.
        body: the bytes as delivered, compressed.
    """

    store: StoreKind
    key: str
    body: bytes


class DropStore(Protocol):
    """Objects that a vendor delivers."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All complete objects below ``prefix``, in the order of their keys, listings paginated.

        What is below it and can't be listed stands among them, with its ``refusal``.
        """
        ...

    def read(self, entry: StoredObject) -> bytes:
        """The bytes of exactly the version that ``entry``, an entry of a listing, names.

        Raises:
            ObjectChangedError: it was replaced since it was listed.
            ObjectMissingError: it is gone.
            ObjectRefusedError: the store refused this object (archived, or forbidden).
            StoreUnavailableError: the store did not answer, after bounded retries.
        """
        ...

    def status(self, key: str) -> StoredObject:
        """The version of ``key`` that is there now.

        Raises:
            ObjectMissingError: it does not exist.
        """
        ...

    def put(self, key: str, body: bytes) -> StoredObject:
        """Write an object whole: a reader sees all of it or none."""
        ...

    def holds(self, entry: StoredObject, body: bytes) -> bool:
        """Whether a listed object already has exactly these bytes; False where that can't be determined."""
        ...

    def ensure(self) -> None:
        """Create the bucket or root folder of the objects, if it is missing."""
        ...
