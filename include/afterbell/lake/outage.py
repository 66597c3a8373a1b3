"""Stores that are away or full, as Spark, Iceberg, PyArrow and the catalog report them, as the project's errors.

The project's own clients raise ``StoreUnavailableError`` themselves. Everything else that a step does with a store
fails with an error of the library in use: its text identifies it, wherever on the way to the driver it was wrapped.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from afterbell.config.environment import HOME, LAKE_CATALOG, LAKE_WAREHOUSE
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
"""How each reports a connection that failed, or an answer that means "later"."""
_NAMED = re.compile(r"((?:/[\w.@+=-]+){2,})[^\n]{0,40}(?:No space left|Disk quota)")
_LONGEST = 300


def outage_of(error: BaseException) -> StoreUnavailableError | None:
    """The project's error for a store that is away or full; None where ``error`` reports neither."""
    for link in _chain_of_causes(error):
        if isinstance(link, StoreUnavailableError):
            return link
    texts = [f"{type(link).__name__}: {link}" for link in _chain_of_causes(error)]
    for text in texts:
        if match := _DISK.search(text):
            return _disk_full_error(error, text, match)
        if match := _FULL_STORE.search(text):
            return StoreFullError(
                f"a store is full ({_line_of(text, match)}): free space there, raise its quota or add a DataNode"
            )
        if ours := _OURS.search(text):
            kind = StoreFullError if ours[1] == StoreFullError.__name__ else StoreUnavailableError
            return kind(ours[2])
    for text in texts:
        for store, pattern in _AWAY:
            if match := pattern.search(text):
                return StoreUnavailableError(
                    f"{store} did not answer ({_line_of(text, match)}): check that it runs (./afterbell doctor)"
                )
    return None


def room(text: str = "") -> str:
    """The free bytes of the folders on this machine that a step writes to, the fullest first.

    Args:
        text: an error's text, which may name a further path.
    """
    free: dict[int, tuple[int, int, str]] = {}
    for folder in _candidate_folders(text):
        existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if existing is not None:
            usage = shutil.disk_usage(existing)
            free.setdefault(existing.stat().st_dev, (usage.free, usage.total, str(folder)))
    return "; ".join(f"{path}: {left} of {total} bytes are free" for left, total, path in sorted(free.values()))


def _disk_full_error(error: BaseException, text: str, match: re.Match[str]) -> StoreFullError:
    path = getattr(error, "filename", None) or ""
    where = f" at {path}" if path else ""
    free = room(f"{path}\n{text}")
    return StoreFullError(
        f"a disk is full{where} ({_line_of(text, match)}). On the driver's machine: {free}. Free "
        "space there (on a cluster: on the executor's machine too) or give the folder a larger disk"
    )


def _candidate_folders(text: str) -> Iterator[Path]:
    if named := _NAMED.search(text):
        yield Path(named[1])
    first = text.partition("\n")[0]
    if first.startswith("/"):
        yield Path(first)
    warehouse = urlsplit(os.environ.get(LAKE_WAREHOUSE, ""))
    if warehouse.scheme in {"file", ""} and warehouse.path:
        yield Path(warehouse.path)
    catalog = os.environ.get(LAKE_CATALOG, "")
    if catalog.startswith("jdbc:sqlite:"):
        yield Path(catalog.removeprefix("jdbc:sqlite:").partition("?")[0])
    for name in (HOME, "SPARK_LOCAL_DIRS"):
        if os.environ.get(name):
            yield Path(os.environ[name].partition(",")[0])
    yield Path(tempfile.gettempdir())


def _chain_of_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _line_of(text: str, match: re.Match[str]) -> str:
    """The line of ``text`` that was recognised, not too long."""
    start = text.rfind("\n", 0, match.start()) + 1
    line = text[start:].partition("\n")[0].strip()
    return line if len(line) <= _LONGEST else f"…{line[max(0, match.start() - start - 100) :][:_LONGEST]}…"
