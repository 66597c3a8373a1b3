"""One WebHDFS call at a time, its faults as the project's errors, passing ones marked to be tried again.

Protocol: https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from afterbell.config.runtime import HdfsLocation
from afterbell.errors import (
    AfterbellError,
    ObjectMissingError,
    ObjectRefusedError,
    StoreConfigError,
    StoreFullError,
    StoreUnavailableError,
)
from afterbell.stores.http import http_pool
from afterbell.stores.retry import Timeouts, parse_retry_after

_QUOTA = "is used up: raise it or remove files"
_PASSING = {
    "RetriableException": "",
    "SafeModeException": "",
    "StandbyException": "",
    "IOException": "",  # no DataNode has room, among others
    "NSQuotaExceededException": f"the folder's quota of names {_QUOTA}; ",
    "DSQuotaExceededException": f"the folder's quota of space {_QUOTA}; ",
    "QuotaByStorageTypeExceededException": f"the folder's quota of space {_QUOTA}; ",
}
"""What may pass by itself or by an operator's hand before the cut-off."""
_FULL = {name for name, advice in _PASSING.items() if _QUOTA in advice}
_NO_ROOM = "could only be written to 0 of"
"""How a NameNode reports that no DataNode takes a block: all are full, or there is no DataNode."""
_ELSEWHERE, _TOO_MANY = 307, 429
_REFUSED = {
    "AccessControlException": "access is denied: check the user and the permissions of the folder",
    "SecurityException": "the NameNode does not accept this user: check hdfs.user in platform.yaml",
    "AuthenticationException": "the NameNode wants another authentication than a user name",
    "FileAlreadyExistsException": "a file stands where a folder is needed, or the other way round",
    "ParentNotDirectoryException": "a file stands where a folder is needed",
    "InvalidPathException": "HDFS does not take this path",
    "IllegalArgumentException": "HDFS does not take this request: check the path and hdfs.user",
    "UnsupportedOperationException": "this HDFS does not know the operation",
}


_OF_ONE_PATH = {
    "AccessControlException",
    "AuthorizationException",
    "InvalidPathException",
    "ParentNotDirectoryException",
    "HTTP 403",
}
"""Refusals of a path; the others concern the caller, or the request."""


class WebHdfs:
    """WebHDFS of one NameNode; safe to share between threads.

    Paths are absolute, unquoted, and checked by the caller.
    """

    def __init__(self, location: HdfsLocation, timeouts: Timeouts | None = None) -> None:
        parts = urlsplit(location.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StoreConfigError(
                f"HDFS address {location.url!r} is not a WebHDFS address: write it like http://namenode:9870 "
                "(include/config/platform.yaml, hdfs.url)"
            )
        self.url = location.url.rstrip("/")
        self._user = location.user
        self._cookie = {"Cookie": location.cookie} if location.cookie else {}
        self._pool = http_pool(location.url, timeouts or Timeouts())

    def call(self, method: str, op: str, path: str, **params: str) -> dict[str, Any]:
        """The JSON answer to one operation of the NameNode.

        Raises:
            ObjectMissingError: the path does not exist.
            ObjectRefusedError: the NameNode refused this path.
            StoreConfigError: the NameNode rejected the request; a retry cannot help.
            StoreUnavailableError: no answer, or one that means "later".
        """
        answer = self._request(method, path, op=op, **params)
        if not answer.data:
            return {}
        try:
            document: dict[str, Any] = answer.json()
        except ValueError as error:
            raise StoreConfigError(
                f"{self.url}{path}: the answer to {op} is not WebHDFS's: {answer.data[:80].decode(errors='replace')!r}"
            ) from error
        return document

    def open(self, path: str, most: int) -> bytes:
        """The first ``most`` bytes of a file, from the DataNode that the NameNode points at."""
        answer = self._request("GET", path, op="OPEN", length=str(most))
        target = answer.headers.get("Location")
        return self._send("GET", target, path).data if target else answer.data

    def create(self, path: str, body: bytes) -> None:
        """Write a file that wasn't there: the NameNode names a DataNode, which is sent the bytes."""
        target = self.call("PUT", "CREATE", path, overwrite="false", noredirect="true")["Location"]
        self._send("PUT", target, path, body)

    def _request(self, method: str, path: str, **params: str) -> urllib3.BaseHTTPResponse:
        query = urlencode({**params, "user.name": self._user})
        return self._send(method, f"{self.url}/webhdfs/v1{quote(path)}?{query}", path, more=self._cookie)

    def _send(
        self, method: str, address: str, path: str, body: bytes = b"", more: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        where = f"hdfs {path} at {self.url}"
        headers = dict(self._pool.headers) | dict(more or {})
        if method == "PUT":
            headers["Content-Type"] = "application/octet-stream"
        try:
            answer = self._pool.request(method, address, body=body, headers=headers, redirect=False, retries=False)
        except LocationValueError as error:
            raise StoreConfigError(f"{where}: {error}") from error
        except HTTPError as error:
            raise StoreUnavailableError(
                f"{where}: no answer ({type(error).__name__}); check that it runs (./afterbell doctor)"
            ) from error
        if answer.status >= 300 and answer.status != _ELSEWHERE:
            raise _fault(answer, where)
        return answer


def _fault(answer: urllib3.BaseHTTPResponse, where: str) -> AfterbellError:
    try:
        remote = json.loads(answer.data)["RemoteException"]
        name, message = str(remote["exception"]), str(remote["message"]).split("\n", 1)[0]
    except (ValueError, KeyError, TypeError):
        name, message = f"HTTP {answer.status}", answer.reason or "no reason given"
    if name == "FileNotFoundException":
        return ObjectMissingError(f"{where}: it does not exist")
    if name in _OF_ONE_PATH:
        reason = f"{_REFUSED.get(name, _REFUSED['AccessControlException'])} ({name}: {message})"
        return ObjectRefusedError(f"{where}: {reason}", reason)
    if name in _REFUSED:
        return StoreConfigError(f"{where}: {_REFUSED[name]} ({name}: {message})")
    # A NameNode that is starting, in safe mode or on standby, and a gateway that is short of breath.
    if name in _PASSING or answer.status >= 500 or answer.status == _TOO_MANY:
        retry_after = parse_retry_after(answer.headers.get("Retry-After"))
        no_room = "no DataNode has room, or none is there; " if _NO_ROOM in message else ""
        kind = StoreFullError if name in _FULL or no_room else StoreUnavailableError
        return kind(f"{where}: {_PASSING.get(name, '')}{no_room}{name}: {message}; try again later", retry_after)
    return StoreConfigError(f"{where}: refused with {name}: {message}; check the address and the user")
