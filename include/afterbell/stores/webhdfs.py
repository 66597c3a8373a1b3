"""One WebHDFS call at a time, its faults in the project's words, its passing ones tried again.

Protocol: https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from afterbell.config.runtime import HdfsLocation
from afterbell.errors import (
    AfterbellError,
    ObjectMissingError,
    StoreConfigError,
    StoreUnavailableError,
)

_TIMEOUT = (5.0, 60.0)  # seconds to connect, and between two pieces of an answer
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_REFUSED = {
    "AccessControlException": "access is denied: check the user and the permissions of the folder",
    "SecurityException": "the NameNode does not accept this user: check hdfs.user in platform.yaml",
    "AuthenticationException": "the NameNode wants another authentication than a user name",
    "NSQuotaExceededException": "the folder's quota of names is used up: raise it or remove files",
    "DSQuotaExceededException": "the folder's quota of space is used up: raise it or remove files",
    "QuotaByStorageTypeExceededException": "the folder's quota of space is used up: raise it or remove files",
    "FileAlreadyExistsException": "a file stands where a folder is needed, or the other way round",
    "ParentNotDirectoryException": "a file stands where a folder is needed",
    "InvalidPathException": "HDFS does not take this path",
    "IllegalArgumentException": "HDFS does not take this request: check the path and hdfs.user",
    "UnsupportedOperationException": "this HDFS does not know the operation",
}


class WebHdfs:
    """WebHDFS of one NameNode; safe to share between threads.

    Paths are absolute, unquoted, and checked by the caller.
    """

    def __init__(self, location: HdfsLocation) -> None:
        parts = urlsplit(location.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StoreConfigError(
                f"HDFS address {location.url!r} is not WebHDFS's: write it like http://namenode:9870 "
                "(include/config/platform.yaml, hdfs.url)"
            )
        self.url = location.url.rstrip("/")
        self._user = location.user
        # A company's proxy is never the way to this machine.
        self._through_proxy = parts.hostname not in _LOOPBACK
        self._local = threading.local()

    def _session(self) -> requests.Session:
        # requests' sessions keep cookies and connections that threads must not share.
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = requests.Session()
            found.trust_env = self._through_proxy
            self._local.session = found
        return found

    def call(self, method: str, op: str, path: str, **params: str) -> dict[str, Any]:
        """The JSON answer to one operation of the NameNode.

        Raises:
            ObjectMissingError: the path is not there.
            StoreConfigError: the NameNode refused for good.
            StoreUnavailableError: no answer, or one that says "later".
        """
        answer = self._send(method, self._address(path), path, {"op": op, **params})
        if not answer.content:
            return {}
        try:
            found: dict[str, Any] = answer.json()
        except ValueError as error:
            raise StoreConfigError(
                f"{self.url}{path}: {op} was not answered by WebHDFS: {answer.text[:80]!r}"
            ) from error
        return found

    def open(self, path: str) -> bytes:
        """The bytes of a file, from the DataNode that the NameNode points at."""
        body: bytes = self._send("GET", self._address(path), path, {"op": "OPEN"}, follow=True).content
        return body

    def create(self, path: str, body: bytes) -> None:
        """Write a file that wasn't there: the NameNode names a DataNode, which is sent the bytes."""
        asked = {"op": "CREATE", "overwrite": "false", "noredirect": "true"}
        target = self._send("PUT", self._address(path), path, asked).json()["Location"]
        self._send("PUT", target, path, {}, body=body)

    def _address(self, path: str) -> str:
        return f"{self.url}/webhdfs/v1{quote(path)}"

    def _send(
        self,
        method: str,
        address: str,
        path: str,
        params: dict[str, str],
        *,
        body: bytes = b"",
        follow: bool = False,
    ) -> requests.Response:
        where = f"hdfs {path} at {self.url}"
        if params:
            params = {**params, "user.name": self._user}
        headers = {"Content-Type": "application/octet-stream"} if method == "PUT" else {}
        try:
            answer = self._session().request(
                method,
                address,
                params=params,
                data=body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=follow,
            )
        except requests.exceptions.InvalidURL as error:
            raise StoreConfigError(f"{where}: {error}") from error
        except requests.RequestException as error:
            raise StoreUnavailableError(
                f"{where}: no answer ({type(error).__name__}); check that it runs (./afterbell doctor)"
            ) from error
        if answer.status_code >= 300:
            raise _fault(answer, where)
        return answer


def _fault(answer: requests.Response, where: str) -> AfterbellError:
    try:
        remote = answer.json()["RemoteException"]
        name, message = str(remote["exception"]), str(remote["message"]).split("\n", 1)[0]
    except (ValueError, KeyError, TypeError):
        name, message = f"HTTP {answer.status_code}", answer.reason or "no reason given"
    if name == "FileNotFoundException":
        return ObjectMissingError(f"{where}: it is not there")
    if name in _REFUSED:
        return StoreConfigError(f"{where}: {_REFUSED[name]} ({name}: {message})")
    # Safe mode, standby, a NameNode that is starting, no DataNode with room (a plain IOException).
    if (
        name in {"RetriableException", "SafeModeException", "StandbyException", "IOException"}
        or answer.status_code >= 500
    ):
        return StoreUnavailableError(f"{where}: {name}: {message}; try again later")
    return StoreConfigError(f"{where}: refused with {name}: {message}; check the address and the user")
