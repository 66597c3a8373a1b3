"""Drops on HDFS, over WebHDFS: no Java and no Kerberos library on the reader's side."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from afterbell.config.runtime import HdfsLocation
from afterbell.errors import (
    AfterbellError,
    ConfigError,
    ObjectChangedError,
    ObjectMissingError,
    ObjectRefusedError,
    StoreConfigError,
    StoreUnavailableError,
)
from afterbell.stores.keys import check_key, check_prefix, key_fault
from afterbell.stores.pages import Pages
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.webhdfs import WebHdfs

_COPYING = "._COPYING_"
_WHOLE = "_SUCCESS"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FileStatus(TypedDict):
    """A file or folder as WebHDFS describes it: bytes, milliseconds since 1970; ``pathSuffix`` is its name."""

    pathSuffix: str
    type: str
    length: int
    modificationTime: int


class HdfsDropStore:
    """The feed's root folder; safe to share between threads.

    A file whose name starts with ``.`` or ``_``, or ends with ``._COPYING_`` as Hadoop's own tools write it,
    is not complete and never listed.
    """

    def __init__(self, location: HdfsLocation, retry: Retry | None = None, timeouts: Timeouts | None = None) -> None:
        if not location.root.startswith("/"):
            raise StoreConfigError(f"HDFS root {location.root!r} must be an absolute path, such as /feed")
        self._root = check_key(location.root.strip("/"))
        self._hdfs = WebHdfs(location, timeouts)
        self._retry = retry or Retry()

    def ensure_root(self) -> None:
        """Create the root folder, where it isn't there."""
        self._call("PUT", "MKDIRS", f"/{self._root}")

    def ensure(self) -> None:
        """Create the root folder, where it isn't there."""
        self.ensure_root()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All complete files whose keys start with ``prefix``, in the order of their keys.

        A folder below it that can't be listed stands among them under its path and a slash, with its ``refusal``.

        Raises:
            StoreConfigError: the root folder isn't there or may not be listed.
            StoreUnavailableError: no answer, after bounded retries.
        """
        folder = check_prefix(prefix).rpartition("/")[0]
        try:
            entries = self._sorted_entries(folder)
        except ObjectMissingError:
            self.require()
            return
        yield from self._walk(folder, prefix, entries)

    def require(self) -> None:
        """Check that the root folder is there.

        Raises:
            StoreConfigError: it isn't; the message names the setting.
        """
        try:
            self._call("GET", "GETFILESTATUS", f"/{self._root}")
        except ObjectMissingError as error:
            raise StoreConfigError(
                f"the feed's root folder /{self._root} is not on HDFS at {self._hdfs.url}: "
                "check hdfs.root in include/config/platform.yaml, or create it"
            ) from error

    def _walk(self, folder: str, prefix: str, entries: Iterable[FileStatus]) -> Iterator[StoredObject]:
        for item in entries:
            key = f"{folder}/{item['pathSuffix']}" if folder else str(item["pathSuffix"])
            if item["type"] == "DIRECTORY":
                if f"{key}/".startswith(prefix):
                    yield from self._below(key, prefix)
            elif key.startswith(prefix):
                yield _object(key, item)

    def _below(self, folder: str, prefix: str) -> Iterator[StoredObject]:
        """The files in a folder below the one that was listed; a folder that can't be listed stands for its files."""
        fault = key_fault(folder)
        if fault:
            yield StoredObject("hdfs", f"{folder}/", 0, "", refusal=f"the folder was not looked at: {fault}; rename it")
            return
        try:
            entries = self._sorted_entries(folder)
        except ObjectMissingError:
            return  # removed since its parent was listed
        except ObjectRefusedError as error:
            reason = f"the folder was not looked at: {error.reason}"
            yield StoredObject("hdfs", f"{folder}/", 0, "", refusal=reason)
            return
        yield from self._walk(folder, prefix, entries)

    def _sorted_entries(self, folder: str) -> Sequence[FileStatus]:
        entries = [item for item in self._entries(folder) if not _hidden(item["pathSuffix"])]
        # The order of keys, not of names: "a.txt" comes before "a/b".
        return sorted(entries, key=lambda item: (item["pathSuffix"] + "/" * (item["type"] == "DIRECTORY")).encode())

    def _entries(self, folder: str) -> Iterator[FileStatus]:
        path = self._path(folder) if folder else f"/{self._root}"
        after: dict[str, str] = {}
        pages = Pages(f"hdfs {path} at {self._hdfs.url}")
        while True:
            page = self._call("GET", "LISTSTATUS_BATCH", path, **after)["DirectoryListing"]
            entries: Sequence[FileStatus] = page["partialListing"]["FileStatuses"]["FileStatus"]
            yield from entries
            if not page["remainingEntries"] or not entries:
                return
            pages.follow(entries[-1]["pathSuffix"], [item["pathSuffix"] for item in entries])
            after = {"startAfter": entries[-1]["pathSuffix"]}

    def read(self, entry: StoredObject) -> bytes:
        """The bytes of the version that ``entry``, an entry of a listing, names.

        Raises:
            ObjectChangedError: it was replaced since, or while it was read.
            ObjectMissingError: it is gone.
            ObjectRefusedError: the user may not read it.
            StoreConfigError: the store refused.
            StoreUnavailableError: no answer, after bounded retries.
        """
        return self._retry.call(lambda: self._read_once(entry))

    def _read_once(self, entry: StoredObject) -> bytes:
        path = self._path(entry.key)
        try:
            body = self._hdfs.open(path, entry.size + 1)  # one more shows that it has grown
        except ObjectMissingError:
            self._check_version(entry)
            raise
        # WebHDFS cannot open a version. Any other one would have another length or time, and keep it until now.
        self._check_version(entry)
        if len(body) != entry.size:
            raise StoreUnavailableError(f"hdfs {path}: expected {entry.size} bytes, found {len(body)}; try again later")
        return body

    def _check_version(self, entry: StoredObject) -> None:
        now = self._status_once(entry.key)
        if now.version != entry.version:
            raise ObjectChangedError(
                f"hdfs {self._path(entry.key)} was replaced since it was listed: expected version "
                f"{entry.version}, found {now.version}; list it again and read the new one"
            )

    def put(self, key: str, body: bytes) -> StoredObject:
        """Write a file whole: under a hidden name first, then renamed onto ``key``, whatever was there.

        Raises:
            ConfigError: the key is not allowed.
            StoreConfigError: access is denied.
            StoreUnavailableError: no answer, no room or a used-up quota, after bounded retries.
        """
        check_key(key)
        if any(_hidden(segment) for segment in key.split("/")) or ":" in key:
            raise ConfigError(
                f"key {key!r} is not allowed on HDFS: no segment starts with . or _ (but {_WHOLE}), none holds a colon"
            )
        # Each try takes a new temporary name, and the rename replaces, so that trying again is safe.
        self._retry.call(lambda: self._put_once(key, body))
        return self.status(key)

    def _put_once(self, key: str, body: bytes) -> None:
        folder, _, name = self._path(key).rpartition("/")
        temporary = f"{folder}/.{name}.{uuid.uuid4().hex}{_COPYING}"
        try:
            self._hdfs.create(temporary, body)
            # Not in the handbook, but in every server since 2.x: Options.Rename.OVERWRITE, atomic.
            self._hdfs.call("PUT", "RENAME", temporary, destination=self._path(key), renameoptions="OVERWRITE")
        except AfterbellError:
            self._discard(temporary)
            raise

    def _discard(self, temporary: str) -> None:
        try:
            self._hdfs.call("DELETE", "DELETE", temporary)
        except AfterbellError:
            return  # hidden from every listing; the first failure is the one to report

    def holds(self, entry: StoredObject, body: bytes) -> bool:
        """Whether the listed file has these bytes; it is read only if its size is theirs."""
        return entry.size == len(body) and self.read(entry) == body

    def status(self, key: str) -> StoredObject:
        """The version of ``key`` that is there now.

        Raises:
            ObjectMissingError: it does not exist.
        """
        return self._retry.call(lambda: self._status_once(key))

    def _status_once(self, key: str) -> StoredObject:
        return _object(key, self._hdfs.call("GET", "GETFILESTATUS", self._path(key))["FileStatus"])

    def _path(self, key: str) -> str:
        return f"/{self._root}/{check_key(key)}"

    def _call(self, method: str, op: str, path: str, **params: str) -> dict[str, Any]:
        return self._retry.call(lambda: self._hdfs.call(method, op, path, **params))


def _object(key: str, status: FileStatus) -> StoredObject:
    size, changed = int(status["length"]), int(status["modificationTime"])
    return StoredObject("hdfs", key, size, f"{size}-{changed}", _EPOCH + timedelta(milliseconds=changed))


def _hidden(name: str) -> bool:
    # Hadoop's own marker of a folder that is whole is there to be seen.
    return name != _WHOLE and (name.startswith((".", "_")) or name.endswith(_COPYING))
