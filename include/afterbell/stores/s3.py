"""Drops on S3: the vendor's bucket, read at the versions that a listing showed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from afterbell.config.runtime import S3Location
from afterbell.config.s3_keys import FEED, own_keys
from afterbell.errors import ObjectChangedError, ObjectMissingError, PreconditionFailedError, StoreUnavailableError
from afterbell.stores.keys import check_key
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.s3_bucket import Bucket
from afterbell.stores.s3_client import etag_of, read_at_most


class S3DropStore:
    """The feed bucket; safe to share between threads."""

    def __init__(self, location: S3Location, retry: Retry | None = None, timeouts: Timeouts | None = None) -> None:
        keys = own_keys(FEED, os.environ)
        self._bucket = Bucket(location.feed_bucket, location, retry or Retry(), timeouts, keys)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket.name

    def ensure_bucket(self) -> None:
        """Create the feed bucket, if it is missing."""
        self._bucket.ensure()

    def ensure(self) -> None:
        """Create the feed bucket, if it is missing."""
        self._bucket.ensure()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose keys start with ``prefix``, in the order of their keys.

        Raises:
            StoreConfigError: the bucket isn't there or may not be listed.
            StoreUnavailableError: no answer, after bounded retries.
        """
        return iter(self._bucket.list(prefix))

    def read(self, entry: StoredObject) -> bytes:
        """The bytes of the version that ``entry``, an entry of a listing, names.

        Raises:
            ObjectChangedError: it was replaced since.
            ObjectMissingError: it is gone.
            ObjectRefusedError: the store refused this object: it is archived, or the key may not read it.
            StoreConfigError: the store refused.
            StoreUnavailableError: no answer, after bounded retries.
        """
        check_key(entry.key)
        try:
            return self._bucket.call(lambda client: self._read_once(client, entry), entry.key)
        except PreconditionFailedError as error:
            raise ObjectChangedError(
                f"s3://{self.bucket}/{entry.key} was replaced since it was listed with ETag {entry.version}: "
                "list it again and read the new version"
            ) from error
        except ObjectMissingError:
            self._bucket.require()  # or a wrong bucket could pass for a lost object
            raise

    def _read_once(self, client: Any, entry: StoredObject) -> bytes:
        answer = client.get_object(Bucket=self.bucket, Key=entry.key, IfMatch=f'"{entry.version}"')
        body = read_at_most(answer, entry.size)
        if body is None or len(body) != entry.size:
            count = "more" if body is None else len(body)
            raise StoreUnavailableError(
                f"s3://{self.bucket}/{entry.key}: expected {entry.size} bytes, found {count}; try again later"
            )
        return body

    def status(self, key: str) -> StoredObject:
        """The version of ``key`` that is there now.

        Raises:
            ObjectMissingError: it does not exist.
        """
        check_key(key)
        self._bucket.require()
        answer = self._bucket.call(lambda client: client.head_object(Bucket=self.bucket, Key=key), key)
        changed = answer["LastModified"].astimezone(UTC)
        return StoredObject("s3", key, int(answer["ContentLength"]), etag_of(answer), changed)

    def put(self, key: str, body: bytes) -> StoredObject:
        """Write an object whole.

        Raises:
            ConfigError: the key is not allowed.
            StoreConfigError: the bucket isn't there or may not be written.
            StoreUnavailableError: no answer, after bounded retries.
        """
        check_key(key)
        self._bucket.require()
        answer = self._bucket.call(lambda client: client.put_object(Bucket=self.bucket, Key=key, Body=body), key)
        return StoredObject("s3", key, len(body), etag_of(answer))

    def holds(self, entry: StoredObject, body: bytes) -> bool:
        """Whether the listed object has these bytes, by its ETag: the MD5, where it came in one piece."""
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return entry.size == len(body) and entry.version == digest
