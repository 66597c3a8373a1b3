"""Reading an object that may be replaced while it is read."""

from __future__ import annotations

from afterbell.errors import ObjectChangedError
from afterbell.stores.protocols import DropStore, StoredObject

_TRIES = 3


def read_newest(store: DropStore, entry: StoredObject) -> tuple[StoredObject, bytes]:
    """The version that ``entry`` names, with its bytes; where it was replaced, the version that is there now.

    Raises:
        ObjectChangedError: it was replaced at each of three tries.
        ObjectMissingError: it is gone.
        StoreUnavailableError: the store did not answer, after bounded retries.
    """
    for _ in range(_TRIES - 1):
        try:
            return entry, store.read(entry)
        except ObjectChangedError:
            entry = store.status(entry.key)
    return entry, store.read(entry)
