"""The artifact bucket: results of steps, candidates, releases, reports, and the champion's pointer."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from afterbell.config.runtime import S3Location
from afterbell.stores.keys import check_key
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry
from afterbell.stores.s3_client import Bucket, etag_of, make_client
from afterbell.stores.s3_faults import error_code, s3_faults

_CHUNK = 1 << 20


class ArtifactStore:
    """Objects of our own on S3, with the conditional writes that releases are fenced by.

    Safe to share between threads. Every method may raise ``ConfigError`` (a key that is not allowed),
    ``StoreConfigError`` (wrong bucket or credentials) and ``StoreUnavailableError`` (no answer, after bounded
    retries).
    """

    def __init__(self, location: S3Location, attempts: int = 5, keys: tuple[str, str] | None = None) -> None:
        self._location = location
        self._bucket = Bucket(location.artifact_bucket, location, attempts, keys)
        # A second try of a conditional write would meet the first one's success and report a lost race.
        self._once = make_client(location, 1, keys)
        self._retry = Retry(attempts)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket.name

    def ensure_bucket(self) -> None:
        """Create the artifact bucket, where it isn't there."""
        self._bucket.ensure()

    def get(self, key: str) -> bytes:
        """The bytes of ``key``.

        Raises:
            ObjectMissingError: it is not there.
        """
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The bytes of ``key`` and the ETag to hand to `put_if_match`.

        Raises:
            ObjectMissingError: it is not there.
        """

        def once() -> tuple[bytes, str]:
            with self._opened(key) as answer:
                return answer["Body"].read(), etag_of(answer)

        return self._retry.call(once)

    def digest(self, key: str) -> str:
        """SHA-256 of the stored bytes in hexadecimal, read in pieces of 1 MiB.

        Raises:
            ObjectMissingError: it is not there.
        """

        def once() -> str:
            found = hashlib.sha256()
            with self._opened(key) as answer:
                for piece in answer["Body"].iter_chunks(_CHUNK):
                    found.update(piece)
            return found.hexdigest()

        return self._retry.call(once)

    @contextmanager
    def _opened(self, key: str) -> Iterator[dict[str, Any]]:
        self._require(key)
        with s3_faults(self._location, self.bucket, key):
            yield self._bucket.client.get_object(Bucket=self.bucket, Key=key)

    def put(self, key: str, body: bytes, content_type: str | None = None) -> str:
        """Write ``key`` whole, whatever was there; returns its ETag.

        Args:
            key: where to.
            body: the bytes.
            content_type: what a browser is told it is; guessed from the key's suffix where None.
        """
        guessed = content_type or mimetypes.guess_type(key)[0] or "application/octet-stream"
        self._require(key)
        with s3_faults(self._location, self.bucket, key):
            return etag_of(self._bucket.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=guessed))

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
        with s3_faults(self._location, self.bucket, key, conditional=True):
            return etag_of(self._once.put_object(Bucket=self.bucket, Key=key, Body=body, **condition))

    def _require(self, key: str) -> None:
        check_key(key)
        # A missing bucket must neither pass for a missing object nor be created by a write.
        self._bucket.require()

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects whose keys start with ``prefix``, in the order of their keys."""
        return self._bucket.list(prefix)

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""
        self._require(key)
        with s3_faults(self._location, self.bucket, key):
            try:
                self._bucket.client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error_code(error) in {"404", "NoSuchKey"}:
                    return False
                raise
        return True

    def copy(self, source: str, target: str) -> str:
        """Copy ``source`` to ``target`` inside the store, up to 5 GB; returns the target's ETag.

        Raises:
            ObjectMissingError: ``source`` is not there.
        """
        self._require(target)
        origin = {"Bucket": self.bucket, "Key": check_key(source)}
        with s3_faults(self._location, self.bucket, source):
            answer = self._bucket.client.copy_object(Bucket=self.bucket, Key=target, CopySource=origin)
        return etag_of(answer["CopyObjectResult"])
