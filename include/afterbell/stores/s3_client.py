"""What all of the project's buckets share: the client, the listing, and that a bucket is there.

Keys come from boto3's own chain (environment, profile, instance role), or from whoever holds them in a connection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from afterbell.config.runtime import S3Location
from afterbell.errors import StoreConfigError
from afterbell.stores.keys import check_prefix
from afterbell.stores.protocols import StoredObject
from afterbell.stores.s3_faults import error_code, refusal, s3_faults

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Bucket:
    """One bucket behind one client; safe to share between threads.

    Attributes:
        name: the bucket's name.
        location: the service it lies on.
        client: boto3's client, with time-outs and ``attempts`` tries in all.
    """

    def __init__(self, name: str, location: S3Location, attempts: int, keys: tuple[str, str] | None = None) -> None:
        self.name = name
        self.location = location
        self.client = make_client(location, attempts, keys)
        self._seen = False

    def ensure(self) -> None:
        """Create the bucket, where it isn't there.

        Raises:
            StoreConfigError: another account owns it, or the key may not create buckets.
        """
        region = self.location.region
        # us-east-1 is the one region that must not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with s3_faults(self.location, self.name):
            try:
                self.client.create_bucket(Bucket=self.name, **place)
            except ClientError as error:
                if error_code(error) not in {"BucketAlreadyOwnedByYou", "OperationAborted"}:
                    raise

    def require(self) -> None:
        """Check once that the bucket is there: some services create one silently on the first write to it.

        Raises:
            StoreConfigError: it isn't, or the key may not use it.
        """
        if self._seen:
            return
        with s3_faults(self.location, self.name):
            try:
                self.client.head_bucket(Bucket=self.name)
            except ClientError as error:
                if error_code(error) in {"404", "NoSuchBucket"}:
                    raise refusal(self.location, self.name, "NoSuchBucket") from error
                raise
        self._seen = True

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects whose keys start with ``prefix``, in the order of their keys, over all pages."""
        found: list[StoredObject] = []
        with s3_faults(self.location, self.name, check_prefix(prefix)):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                found += [
                    StoredObject("s3", item["Key"], int(item["Size"]), etag_of(item), _modified(item))
                    for item in page.get("Contents", [])
                    if not item["Key"].endswith("/")  # what consoles leave behind for an empty folder
                ]
        # AWS lists in the order of the keys' bytes; services that keep folders do not ("a/b" before "a.txt").
        return sorted(found, key=lambda item: item.key.encode())


def make_client(location: S3Location, attempts: int, keys: tuple[str, str] | None = None) -> Any:
    """A thread-safe client with time-outs; ``attempts`` tries in all, with botocore's jittered pauses.

    ``keys`` (access key, secret key) are for callers that hold them elsewhere than in their environment.

    Raises:
        StoreConfigError: the endpoint or the region is not one.
    """
    own = location.endpoint is not None
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=16,
        retries={"mode": "standard", "total_max_attempts": attempts},
        s3={"addressing_style": "path" if own else "auto"},
        # Trailing checksums are AWS's own; other services take them or not.
        request_checksum_calculation="when_required" if own else "when_supported",
        response_checksum_validation="when_required" if own else "when_supported",
        # A company's proxy is never the way to this machine; None leaves it to the environment.
        proxies={} if is_loopback(location.endpoint) else None,
    )
    try:
        # A session of one's own: boto3's default one isn't safe to build clients from in threads.
        access, secret = keys or (None, None)
        session = boto3.session.Session(
            region_name=location.region, aws_access_key_id=access, aws_secret_access_key=secret
        )
        return session.client("s3", endpoint_url=location.endpoint, config=config)
    except (ValueError, BotoCoreError) as error:
        raise StoreConfigError(f"S3 at {location.endpoint or 'AWS'}, region {location.region!r}: {error}") from error


def is_loopback(url: str | None) -> bool:
    """Whether ``url`` is served by this machine."""
    return url is not None and urlsplit(url).hostname in _LOOPBACK


def _modified(item: dict[str, Any]) -> datetime | None:
    found: datetime | None = item.get("LastModified")
    return found.astimezone(UTC) if found else None


def etag_of(answer: dict[str, Any]) -> str:
    """The ETag of an answer or of a listing's entry, without the quotes that HTTP puts around it."""
    return str(answer.get("ETag", "")).strip('"')
