"""File systems of the lake, opened without Spark: the local disk and S3. Other stores go through Iceberg."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from afterbell.config.runtime import S3Location

_LOCAL, _S3 = {"file", ""}, {"s3", "s3a"}


def reachable(location: str) -> bool:
    """Whether ``location`` is on a store that ``open_storage`` opens."""
    return urlsplit(location).scheme in _LOCAL | _S3


def open_storage(location: str, s3: S3Location) -> tuple[Any, str]:
    """The file system of a ``file:``, ``s3a:`` or ``s3:`` address, and the path there.

    S3's keys come from the environment, as everywhere.

    Raises:
        ValueError: the address is of another store.
    """
    parts = urlsplit(location)
    if parts.scheme in _LOCAL:
        return _local(), parts.path
    if parts.scheme in _S3:
        return _s3(s3.endpoint, s3.region), f"{parts.netloc}{parts.path}"
    raise ValueError(f"{location}: expected a file:, s3a: or s3: address, found {parts.scheme}:")


@lru_cache(maxsize=1)
def _local() -> Any:
    return pafs.LocalFileSystem()


@lru_cache(maxsize=4)
def _s3(endpoint: str | None, region: str) -> Any:
    if endpoint is None:
        return pafs.S3FileSystem(region=region)
    parts = urlsplit(endpoint)
    return pafs.S3FileSystem(
        region=region,
        scheme=parts.scheme,
        endpoint_override=parts.netloc,
        connect_timeout=5,
        request_timeout=60,
    )
