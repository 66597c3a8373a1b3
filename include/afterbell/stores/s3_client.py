"""The client of an S3 service.

Keys come from boto3's own chain (environment, profile, instance role), or from a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader

from afterbell.config.runtime import S3Location
from afterbell.errors import StoreConfigError
from afterbell.stores.pages import ListEntry
from afterbell.stores.retry import Timeouts

AT_ONCE = 8
"""Requests of one bucket under way at once; a store that says "slow down" is not met by more."""
_PIECE = 1 << 20
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return Loader()  # S3's description is read once a process, which makes a further client ten times cheaper


def read_description() -> None:
    """Have S3's description read for this process and its forks; no key and no request is needed."""
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    core.create_client("s3", "us-east-1", config=Config(signature_version=UNSIGNED)).close()


def make_client(location: S3Location, timeouts: Timeouts, keys: tuple[str, str] | None = None) -> Any:
    """A thread-safe client that sends each request once; trying again is ``Bucket.call``'s.

    ``keys`` (access key, secret key) are for callers that hold them elsewhere than in their environment.

    Raises:
        StoreConfigError: the endpoint or the region is not valid.
    """
    own = location.endpoint is not None
    config = Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        max_pool_connections=AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": 1},  # botocore's tries know of no cut-off
        s3={"addressing_style": "path" if own else "auto"},
        # Trailing checksums are AWS's own; other services take them or not.
        request_checksum_calculation="when_required" if own else "when_supported",
        response_checksum_validation="when_required" if own else "when_supported",
        # A company's proxy is never the way to this machine; None leaves it to the environment.
        proxies={} if is_loopback(location.endpoint) else None,
    )
    try:
        # A session of one's own: boto3's default one isn't safe to build clients from in threads, and a new one
        # queries the chain of providers again.
        core = botocore.session.Session()
        core.register_component("data_loader", _loader())
        access, secret = keys or (None, None)
        session = boto3.session.Session(
            region_name=location.region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            botocore_session=core,
        )
        return session.client("s3", endpoint_url=location.endpoint, config=config)
    except (ValueError, BotoCoreError) as error:
        raise StoreConfigError(f"S3 at {location.endpoint or 'AWS'}, region {location.region!r}: {error}") from error


def read_at_most(answer: dict[str, Any], most: int) -> bytes | None:
    """The body of an answer to a GET, which is closed; None where it has more than ``most`` bytes."""
    with closing(answer["Body"]) as stream:
        if int(answer.get("ContentLength") or 0) > most:
            return None
        pieces: list[bytes] = []
        size = 0
        # Up to an empty piece: only there botocore compares what came with what was announced.
        while piece := stream.read(min(_PIECE, most - size + 1)):
            size += len(piece)
            if size > most:
                return None
            pieces.append(piece)
    return b"".join(pieces)


def is_loopback(url: str | None) -> bool:
    """Whether ``url`` is served by this machine."""
    return url is not None and urlsplit(url).hostname in _LOOPBACK


def modified(item: ListEntry) -> datetime | None:
    """When a listing's entry was last written, in UTC; None where the entry doesn't state it."""
    written = item.get("LastModified")
    return written.astimezone(UTC) if written else None


def etag_of(answer: Mapping[str, object]) -> str:
    """The ETag of an answer or of a listing's entry, without the quotes that HTTP puts around it."""
    return str(answer.get("ETag", "")).strip('"')
