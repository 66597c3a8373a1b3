"""Reading the artifact store for a page: several documents at once, and never for longer than a person waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache
from typing import TypeVar

from pydantic import JsonValue

from afterbell.airflow.connections import artifact_location
from afterbell.config.runtime import S3Location
from afterbell.errors import (
    ObjectMissingError,
    ObjectTooLargeError,
    RetryableError,
    StoreConfigError,
    StoreUnavailableError,
    UnprovenPointerError,
)
from afterbell.release.manifest import POINTER, Champion
from afterbell.release.trusted import read_champion
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry, Timeouts

SECONDS = 8.0
"""Longest that a page waits for all its documents."""
_TIMEOUTS = Timeouts(connect=2.0, read=5.0)
_AT_ONCE = 16
_POOL = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="afterbell-pages")

Content = TypeVar("Content")
Document = dict[str, JsonValue]


class Documents:
    """Read access to the artifact bucket.

    Every method may raise ``StoreUnavailableError`` (no answer in time) and ``StoreConfigError`` (it refused).
    """

    def __init__(self, store: ArtifactStore, seconds: float) -> None:
        self._store, self._seconds = store, seconds

    @property
    def place(self) -> str:
        """The bucket, for people."""
        return f"s3://{self._store.bucket}"

    def listings(self, prefixes: Iterable[str]) -> dict[str, list[StoredObject]]:
        """The objects below each prefix; an empty list where nothing is there."""
        return self._all(prefixes, self._store.list)

    def documents(self, keys: Iterable[str]) -> dict[str, Document]:
        """The JSON mappings that are there, by key; what is missing is left out, a list comes as ``{"entries": ...}``.

        What is there and is neither comes as ``{"unreadable": reason}``: one broken object hides no page.
        """
        contents = self._all(keys, self._document)
        return {key: document for key, document in contents.items() if document is not None}

    def bodies(self, keys: Iterable[str]) -> dict[str, bytes | str]:
        """The bytes of those of ``keys`` that are there; the reason in place of one that is too large to be read."""
        bodies = self._all(keys, self._body)
        return {key: body for key, body in bodies.items() if body is not None}

    def champion(self) -> Champion | str | None:
        """The pointer, or the reason why the audit trail does not prove it; None where nothing is published."""
        return self._all([POINTER], lambda _: self._champion())[POINTER]

    def _champion(self) -> Champion | str | None:
        try:
            return read_champion(self._store)[0]
        except (UnprovenPointerError, ObjectTooLargeError) as error:
            return str(error)

    def body(self, key: str) -> bytes:
        """The bytes of ``key``, which a listing showed.

        Raises:
            ObjectMissingError: it is gone.
        """
        return self._all([key], self._store.get)[key]

    def _body(self, key: str) -> bytes | str | None:
        try:
            return self._store.get(key)
        except ObjectMissingError:
            return None
        except ObjectTooLargeError as error:
            return str(error)

    def _document(self, key: str) -> Document | None:
        body = self._body(key)
        if body is None:
            return None
        if isinstance(body, str):
            return {"unreadable": body}
        try:
            content = json.loads(body)
        except ValueError as error:
            return {"unreadable": f"{key} is not JSON: {error}"}
        if isinstance(content, list):
            return {"entries": content}
        return content if isinstance(content, dict) else {"unreadable": f"{key} holds no JSON mapping"}

    def _all(self, keys: Iterable[str], read: Callable[[str], Content]) -> dict[str, Content]:
        futures: dict[str, Future[Content]] = {key: _POOL.submit(read, key) for key in dict.fromkeys(keys)}
        _, late = wait(futures.values(), timeout=self._seconds)
        if late:
            for future in late:
                future.cancel()
            raise StoreUnavailableError(
                f"{self.place} gave no answer within {self._seconds:.0f} s: check that the store runs "
                "(`./afterbell doctor`), then load the page again"
            )
        return {key: future.result() for key, future in futures.items()}


def open_documents() -> Documents:
    """The bucket that the connection ``afterbell_s3`` names, read again for every page.

    Raises:
        ConfigError: the connection is missing or incomplete.
    """
    location, keys = artifact_location()
    return Documents(_store(location, keys), SECONDS)


@lru_cache(maxsize=4)
def _store(location: S3Location, keys: tuple[str, str] | None) -> ArtifactStore:
    # No retry: whoever looks at a page loads it again sooner than a retry would end.
    return ArtifactStore(location, Retry(attempts=1), keys, _TIMEOUTS)


def fault_of(error: Exception) -> str:
    """The text that a page shows in place of something that could not be read."""
    if isinstance(error, RetryableError):
        return f"The artifact store did not answer. {error}"
    return f"The artifact store refused. {error}" if isinstance(error, StoreConfigError) else str(error)
