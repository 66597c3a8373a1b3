"""Reading an object that may be replaced while it is read."""

from __future__ import annotations

from afterbell.errors import ObjectChangedError
from afterbell.stores.protocols import DropStore, StoredObject

_TRIES = 3


def read_newest(store: DropStore, found: StoredObject) -> tuple[StoredObject, bytes]:
    """The bytes of the version ``found``; where that was replaced, the version that is there now, and its bytes.

    Raises:
        ObjectChangedError: it was replaced at each of three tries.
        ObjectMissingError: it is gone.
        StoreUnavailableError: the store did not answer, after bounded retries.
    """
    for _ in range(_TRIES - 1):
        try:
            return found, store.read(found)
        except ObjectChangedError:
            found = store.status(found.key)
    return found, store.read(found)
