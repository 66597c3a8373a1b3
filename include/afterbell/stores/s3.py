"""Drops on S3: the vendor's bucket, read at the versions that a listing showed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from afterbell.config.runtime import S3Location
from afterbell.errors import ObjectChangedError, PreconditionFailedError
from afterbell.stores.keys import check_key
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry
from afterbell.stores.s3_client import Bucket, etag_of
from afterbell.stores.s3_faults import s3_faults


class S3DropStore:
    """The feed bucket; safe to share between threads."""

    def __init__(self, location: S3Location, attempts: int = 5) -> None:
        self._location = location
        self._bucket = Bucket(location.feed_bucket, location, attempts)
        self._retry = Retry(attempts)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket.name

    def ensure_bucket(self) -> None:
        """Create the feed bucket, where it isn't there."""
        self._bucket.ensure()

    def ensure(self) -> None:
        """Create the feed bucket, where it isn't there."""
        self._bucket.ensure()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose keys start with ``prefix``, in the order of their keys.

        Raises:
            StoreConfigError: the bucket isn't there or may not be listed.
            StoreUnavailableError: no answer, after bounded retries.
        """
        return iter(self._bucket.list(prefix))

    def read(self, found: StoredObject) -> bytes:
        """The bytes of the version ``found``, an object of a listing.

        Raises:
            ObjectChangedError: it was replaced since.
            ObjectMissingError: it is gone.
            StoreConfigError: the store refused.
            StoreUnavailableError: no answer, after bounded retries.
        """
        check_key(found.key)
        self._bucket.require()  # or a wrong bucket could pass for a lost object
        # botocore tries a request again, but not a body that breaks off in the middle.
        return self._retry.call(lambda: self._read_once(found))

    def _read_once(self, found: StoredObject) -> bytes:
        try:
            with s3_faults(self._location, self.bucket, found.key):
                answer = self._bucket.client.get_object(Bucket=self.bucket, Key=found.key, IfMatch=f'"{found.version}"')
                body: bytes = answer["Body"].read()
                return body
        except PreconditionFailedError as error:
            raise ObjectChangedError(
                f"s3://{self.bucket}/{found.key} was replaced since it was listed with ETag {found.version}: "
                "list it again and read the new version"
            ) from error

    def put(self, key: str, body: bytes) -> StoredObject:
        """Write an object whole.

        Raises:
            ConfigError: the key is not allowed.
            StoreConfigError: the bucket isn't there or may not be written.
            StoreUnavailableError: no answer, after bounded retries.
        """
        check_key(key)
        self._bucket.require()
        with s3_faults(self._location, self.bucket, key):
            answer = self._bucket.client.put_object(Bucket=self.bucket, Key=key, Body=body)
        return StoredObject("s3", key, len(body), etag_of(answer))

    def holds(self, found: StoredObject, body: bytes) -> bool:
        """Whether the listed object has these bytes, by its ETag: the MD5, where it came in one piece."""
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return found.size == len(body) and found.version == digest
