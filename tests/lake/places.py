"""Where a lake's files lie, as somebody sees them who looks past Iceberg: a folder, or a bucket in S3."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import boto3

from tests.faults.proxy import FOR_EVER, Edit, Proxy

BUCKET = "maintenance-lake"


class Place(Protocol):
    def data_files(self, table: str) -> list[str]:
        """The Parquet files below a table's data folder."""
        ...

    def put(self, path: str, age: timedelta) -> None:
        """Write a file as it looks when nobody has touched it for ``age``."""
        ...

    def exists(self, path: str) -> bool: ...

    def remove(self, path: str) -> None: ...


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def data_files(self, table: str) -> list[str]:
        return sorted(str(path) for path in (self._root / table.replace(".", "/") / "data").rglob("*.parquet"))

    def put(self, path: str, age: timedelta) -> None:
        Path(path).write_bytes(b"x")
        at = time.time() - age.total_seconds()
        os.utime(path, (at, at))

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def remove(self, path: str) -> None:
        Path(path).unlink()


class Bucket:
    """S3 dates an object itself, so its listings tell the age of a file that ``put`` wrote by way of a proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self._client = boto3.client("s3", endpoint_url=f"http://{proxy.upstream}", region_name="us-east-1")
        self._client.create_bucket(Bucket=BUCKET)
        self._dates: dict[str, str] = {}
        proxy.on("^GET .*list-type=2", Edit(self._aged), times=FOR_EVER)

    def data_files(self, table: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=f"warehouse/{table.replace('.', '/')}/data/"
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return sorted(key for key in keys if key.endswith(".parquet"))

    def put(self, path: str, age: timedelta) -> None:
        self._client.put_object(Bucket=BUCKET, Key=path, Body=b"x")
        self._dates[path] = f"{datetime.now(UTC) - age:%Y-%m-%dT%H:%M:%S.000Z}"

    def exists(self, path: str) -> bool:
        return bool(self._client.list_objects_v2(Bucket=BUCKET, Prefix=path).get("KeyCount"))

    def remove(self, path: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=path)

    def _aged(self, listing: bytes) -> bytes:
        def one(found: re.Match[str]) -> str:
            item = found[0]
            key = re.search("<Key>(.*?)</Key>", item)
            date = self._dates.get(key[1]) if key else None
            told = f"<LastModified>{date}</LastModified>"
            return re.sub("<LastModified>.*?</LastModified>", told, item) if date else item

        return re.sub("<Contents>.*?</Contents>", one, listing.decode(), flags=re.DOTALL).encode()


@contextmanager
def place_of(kind: str) -> Iterator[Place]:
    """A warehouse that is ``file`` or ``s3a``; from here on the environment names it."""
    if kind == "file":
        yield Folder(Path(os.environ["AFTERBELL_LAKE_WAREHOUSE"].removeprefix("file:")))
        return
    with Proxy(os.environ["AFTERBELL_S3_ENDPOINT"]) as proxy:
        os.environ |= {"AFTERBELL_S3_ENDPOINT": proxy.url, "AFTERBELL_LAKE_WAREHOUSE": f"s3a://{BUCKET}/warehouse"}
        yield Bucket(proxy)
