"""Stores that are away or full, as Spark, Iceberg, PyArrow and the catalog tell of them, in the project's words.

The project's own clients raise ``StoreUnavailableError`` themselves. Whatever else a step asks of a store fails with an
error of its own library: it is known by its text, wherever on the way to the driver it was wrapped.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from afterbell.errors import StoreFullError, StoreUnavailableError

_OURS = re.compile(r"(StoreUnavailableError|StoreFullError): ([^\n]+)")
_DISK = re.compile(
    r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]|SQLITE_FULL|database or disk is full"
)
_FULL_STORE = re.compile(
    r"(?:DS|NS|ByStorageType)QuotaExceeded|QuotaByStorageTypeExceeded|could only be written to 0 of|InsufficientStorage"
    r"|StorageFull\b|Status Code: 507|HTTP(?: status)?(?: code)?:? 507"
)
_AWAY = (
    (
        "S3",
        re.compile(
            r"Unable to execute HTTP request|AWSServiceThrottled|AWSStatus500|Amazon S3; Status Code: (?:429|5\d\d)"
            r"|AWS Error (?:NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|THROTTLING)"
            r"|AWS Error REQUEST_TIMEOUT"
            r"|AWS Error UNKNOWN \(HTTP status 5\d\d\)|curlCode: (?:7|28|52|55|56)\b"
        ),
    ),
    ("HDFS", re.compile(r"Call From \S+ to \S+ failed on \w+(?: \w+)? exception|ConnectTimeoutException")),
    ("HDFS", re.compile(r"SafeModeException|StandbyException|RetriableException|BlockMissingException|All datanodes")),
    (
        "the lake's catalog",
        re.compile(
            r"PSQLException: (?:Connection to|The connection attempt failed|FATAL: (?:the database|terminating|sorry)"
            r"|This connection has been closed|An I/O error)|Failed to connect: jdbc:"
        ),
    ),
)
"""Where each tells of a connection that failed, or of an answer that says "later"."""
_NAMED = re.compile(r"((?:/[\w.@+=-]+){2,})[^\n]{0,40}(?:No space left|Disk quota)")
_LONGEST = 300


def outage_of(error: BaseException) -> StoreUnavailableError | None:
    """The error of ours for a store that is away or full; None where ``error`` tells of neither."""
    for each in _chain(error):
        if isinstance(each, StoreUnavailableError):
            return each
    texts = [f"{type(each).__name__}: {each}" for each in _chain(error)]
    for text in texts:
        if found := _DISK.search(text):
            return _full(error, text, found)
        if found := _FULL_STORE.search(text):
            return StoreFullError(
                f"a store has no room ({_line(text, found)}): free space there, raise its quota or add a DataNode"
            )
        if ours := _OURS.search(text):
            kind = StoreFullError if ours[1] == StoreFullError.__name__ else StoreUnavailableError
            return kind(ours[2])
    for text in texts:
        for store, pattern in _AWAY:
            if found := pattern.search(text):
                return StoreUnavailableError(
                    f"{store} did not answer ({_line(text, found)}): check that it runs (./afterbell doctor)"
                )
    return None


def room(text: str = "") -> str:
    """The free bytes of the folders on this machine that a step writes to, the fullest first.

    Args:
        text: an error's text, which may name a further path.
    """
    free: dict[int, tuple[int, int, str]] = {}
    for folder in _folders(text):
        there = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if there is not None:
            usage = shutil.disk_usage(there)
            free.setdefault(there.stat().st_dev, (usage.free, usage.total, str(folder)))
    return "; ".join(f"{path}: {left} of {total} bytes are free" for left, total, path in sorted(free.values()))


def _full(error: BaseException, text: str, found: re.Match[str]) -> StoreFullError:
    path = getattr(error, "filename", None) or ""
    where = f" at {path}" if path else ""
    free = room(f"{path}\n{text}")
    return StoreFullError(
        f"a disk is full{where} ({_line(text, found)}). On the driver's machine: {free}. Free "
        "space there (on a cluster: on the executor's machine too) or give the folder a larger disk"
    )


def _folders(text: str) -> Iterator[Path]:
    if named := _NAMED.search(text):
        yield Path(named[1])
    first = text.partition("\n")[0]
    if first.startswith("/"):
        yield Path(first)
    warehouse = urlsplit(os.environ.get("AFTERBELL_LAKE_WAREHOUSE", ""))
    if warehouse.scheme in {"file", ""} and warehouse.path:
        yield Path(warehouse.path)
    catalog = os.environ.get("AFTERBELL_LAKE_CATALOG", "")
    if catalog.startswith("jdbc:sqlite:"):
        yield Path(catalog.removeprefix("jdbc:sqlite:").partition("?")[0])
    for name in ("AFTERBELL_HOME", "SPARK_LOCAL_DIRS"):
        if os.environ.get(name):
            yield Path(os.environ[name].partition(",")[0])
    yield Path(tempfile.gettempdir())


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _line(text: str, found: re.Match[str]) -> str:
    """The line of ``text`` that was recognised, not too long."""
    start = text.rfind("\n", 0, found.start()) + 1
    line = text[start:].partition("\n")[0].strip()
    return line if len(line) <= _LONGEST else f"…{line[max(0, found.start() - start - 100) :][:_LONGEST]}…"
