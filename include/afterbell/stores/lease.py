"""A lease: an object of the artifact store that shows who is at work, and expires by itself.

A lease coordinates runs that can wait for each other; it protects nothing. A holder that dies leaves its object behind,
which counts until it expires, so whatever must not happen twice needs a conditional write of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from afterbell.errors import AfterbellError, ObjectMissingError, PreconditionFailedError, UnknownOutcomeError
from afterbell.stores.artifacts import ArtifactStore


@dataclass(frozen=True)
class Lease:
    """One lease.

    Attributes:
        opened: opens the store; called by each method, and may fail.
        key: of the object.
    """

    opened: Callable[[], ArtifactStore]
    key: str

    def read(self) -> tuple[bytes | None, str | None]:
        """The bytes of the object and its ETag; None for both if it is missing."""
        try:
            return self.opened().get_with_etag(self.key)
        except ObjectMissingError:
            return None, None

    def claim(self, body: bytes, etag: str | None) -> bool:
        """Write ``body`` if the object is unchanged since it was read.

        Args:
            body: the bytes.
            etag: as ``read`` returned it.

        Returns:
            Whether the lease may be ours: False if another writer was faster; True also if no answer came.
        """
        try:
            if etag is None:
                self.opened().put_if_absent(self.key, body)
            else:
                self.opened().put_if_match(self.key, body, etag)
        except PreconditionFailedError:
            return False
        except UnknownOutcomeError:
            return True
        return True

    def renew(self, body: bytes) -> None:
        """Write ``body``, whatever is there; a store that does not answer is ignored."""
        with suppress(AfterbellError):
            self.opened().put(self.key, body)

    def give_back(self, is_own: Callable[[bytes], bool] | None = None) -> None:
        """Remove the object; a store that does not answer is ignored.

        Args:
            is_own: whether the bytes of the object are the holder's; only then it is removed. None: no need to check.
        """
        with suppress(AfterbellError):
            if is_own is not None:
                body, _ = self.read()
                if body is None or not is_own(body):
                    return
            self.opened().delete(self.key)


def list_leases(store: ArtifactStore, prefix: str, now: datetime, lifetime: timedelta) -> list[str]:
    """The keys below ``prefix`` of the leases that were renewed within ``lifetime`` before ``now``."""
    return [lease.key for lease in store.list(prefix) if lease.modified is None or now - lease.modified < lifetime]
