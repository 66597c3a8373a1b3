"""The artifact bucket: results of steps, candidates, releases, reports, and the champion's pointer."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from contextlib import closing
from datetime import datetime
from typing import Any

from afterbell.config.runtime import S3Location
from afterbell.config.s3_keys import ARTIFACTS, own_keys
from afterbell.errors import ObjectMissingError, ObjectTooLargeError
from afterbell.stores.keys import check_key
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.s3_bucket import Bucket
from afterbell.stores.s3_client import etag_of, read_at_most

DOCUMENT_BYTES = 32 * 1024 * 1024
"""Largest object that is read whole: more than any document of the project, and little enough to be parsed."""
_CHUNK = 1 << 20


class ArtifactStore:
    """Objects of our own on S3, with the conditional writes that releases are fenced by.

    Safe to share between threads. Every method may raise ``ConfigError`` (a key that is not allowed),
    ``StoreConfigError`` (wrong bucket or credentials) and ``StoreUnavailableError`` (no answer, after bounded
    retries).
    """

    def __init__(
        self,
        location: S3Location,
        retry: Retry | None = None,
        keys: tuple[str, str] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        key_pair = keys or own_keys(ARTIFACTS, os.environ)
        self._bucket = Bucket(location.artifact_bucket, location, retry or Retry(), timeouts, key_pair)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket.name

    def ensure_bucket(self) -> None:
        """Create the artifact bucket, where it isn't there."""
        self._bucket.ensure()

    def get(self, key: str, most: int = DOCUMENT_BYTES) -> bytes:
        """The bytes of ``key``.

        Args:
            key: which object.
            most: bytes that it may have.

        Raises:
            ObjectMissingError: it does not exist.
            ObjectTooLargeError: it is larger; no more than ``most`` bytes of it were read.
        """
        return self.get_with_etag(key, most)[0]

    def get_with_etag(self, key: str, most: int = DOCUMENT_BYTES) -> tuple[bytes, str]:
        """The bytes of ``key`` and the ETag to pass to `put_if_match`.

        Raises:
            ObjectMissingError: it does not exist.
            ObjectTooLargeError: it is larger than ``most`` bytes.
        """

        def once(client: Any) -> tuple[bytes, str]:
            answer = client.get_object(Bucket=self.bucket, Key=key)
            body = read_at_most(answer, most)
            if body is None:
                size = answer.get("ContentLength", "more")
                raise ObjectTooLargeError(
                    f"s3://{self.bucket}/{key}: expected at most {most} bytes, found {size}; it was not read. Restore "
                    "the object that belongs there, or remove it"
                )
            return body, etag_of(answer)

        self._require(key)
        return self._bucket.call(once, key)

    def digest(self, key: str) -> str:
        """SHA-256 of the stored bytes in hexadecimal, read in pieces of 1 MiB.

        Raises:
            ObjectMissingError: it does not exist.
        """

        def once(client: Any) -> str:
            sha256 = hashlib.sha256()
            with closing(client.get_object(Bucket=self.bucket, Key=key)["Body"]) as stream:
                for piece in stream.iter_chunks(_CHUNK):
                    sha256.update(piece)
            return sha256.hexdigest()

        self._require(key)
        return self._bucket.call(once, key)

    def put(self, key: str, body: bytes, content_type: str | None = None) -> str:
        """Write ``key`` whole, whatever was there; returns its ETag.

        Args:
            key: where to.
            body: the bytes.
            content_type: the media type given to a browser; guessed from the key's suffix where None.
        """
        guessed = content_type or mimetypes.guess_type(key)[0] or "application/octet-stream"
        self._require(key)
        request = {"Bucket": self.bucket, "Key": key, "Body": body, "ContentType": guessed}
        return etag_of(self._bucket.call(lambda client: client.put_object(**request), key))

    def put_if_absent(self, key: str, body: bytes) -> str:
        """Write ``key`` only if nothing is there; returns its ETag.

        Raises:
            PreconditionFailedError: something is there.
            UnknownOutcomeError: no answer came; read the key again to learn whether it was written.
        """
        return self._put_once(key, body, IfNoneMatch="*")

    def put_if_match(self, key: str, body: bytes, etag: str) -> str:
        """Replace ``key`` only if its ETag is still ``etag``; returns the new ETag.

        Raises:
            PreconditionFailedError: it was replaced or removed since.
            UnknownOutcomeError: no answer came; read the key again to learn whether it was written.
        """
        return self._put_once(key, body, IfMatch=f'"{etag}"')

    def _put_once(self, key: str, body: bytes, **condition: str) -> str:
        self._require(key)
        request = {"Bucket": self.bucket, "Key": key, "Body": body, **condition}
        return etag_of(self._bucket.call(lambda client: client.put_object(**request), key, conditional=True))

    def _require(self, key: str) -> None:
        check_key(key)
        # A missing bucket must neither pass for a missing object nor be created by a write.
        self._bucket.require()

    def clock(self) -> datetime:
        """The time by the store's clock; UTC, to the second."""
        return self._bucket.clock()

    def list(self, prefix: str, after: str = "") -> list[StoredObject]:
        """All objects whose keys start with ``prefix`` and come after the key ``after``, in the order of their keys."""
        return self._bucket.list(prefix, after)

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""
        self._require(key)
        try:
            self._bucket.call(lambda client: client.head_object(Bucket=self.bucket, Key=key), key)
        except ObjectMissingError:
            return False
        return True

    def copy(self, source: str, target: str) -> str:
        """Copy ``source`` to ``target`` inside the store, up to 5 GB; returns the target's ETag.

        Raises:
            ObjectMissingError: ``source`` does not exist.
        """
        self._require(target)
        origin = {"Bucket": self.bucket, "Key": check_key(source)}
        request = {"Bucket": self.bucket, "Key": target, "CopySource": origin}
        answer = self._bucket.call(lambda client: client.copy_object(**request), source)
        return etag_of(answer["CopyObjectResult"])

    def delete(self, key: str) -> None:
        """Remove ``key``; nothing happens where it isn't there."""
        self._require(key)
        self._bucket.call(lambda client: client.delete_object(Bucket=self.bucket, Key=key), key)
