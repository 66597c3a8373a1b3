"""The factory of all HTTP clients except S3's: timeouts, limits of answers, proxies.

Nothing is tried again here: who calls knows whether a request may be sent twice.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import requests
import urllib3
from requests.adapters import HTTPAdapter

import afterbell
from afterbell.stores.retry import Timeouts

USER_AGENT = f"afterbell/{afterbell.__version__}"
MOST_BYTES = 256 * 1024 * 1024
"""Of an answer: what a Mesos master reports on all of its tasks takes tens of megabytes."""
_PIECE = 64 * 1024
_AT_ONCE = 8
"""Connections of a pool to one server at once, kept and used again."""
_SERVERS = 64
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class AnswerTooLargeError(requests.RequestException):  # type: ignore[misc]
    """An answer is longer than its reader takes; the rest was not read."""


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine by a name or address that never leaves it: no proxy is the way there."""
    return host in _LOOPBACK


def http_session(
    timeouts: Timeouts, *, proxies: bool, redirects: bool, most_bytes: int = MOST_BYTES
) -> requests.Session:
    """A session for one thread; close it, or use it as a context.

    Args:
        timeouts: seconds of each request to connect, and between two pieces of an answer.
        proxies: go by the environment's proxies, certificates and ``.netrc``; False for servers of our own.
        redirects: follow an answer that leads elsewhere; if not, it is the answer.
        most_bytes: of one answer, unpacked. A longer one raises AnswerTooLargeError. Whoever asks for a stream reads
            as much as it wants.
    """
    session = _Session(follows=redirects)
    session.trust_env = proxies
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(timeouts, most_bytes))
    return session


class _Session(requests.Session):  # type: ignore[misc]
    """A session that follows redirects, or does not."""

    def __init__(self, *, follows: bool) -> None:
        super().__init__()
        self._follows = follows

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """The target of a redirect; None if it is not followed."""
        return super().get_redirect_target(resp) if self._follows else None


class _Adapter(HTTPAdapter):  # type: ignore[misc]
    """Sends with limits, and reads the whole answer unless a stream is asked for."""

    def __init__(self, timeouts: Timeouts, most_bytes: int) -> None:
        super().__init__()
        self._timeouts, self._most_bytes = timeouts, most_bytes

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """The answer to one request; redirects are the session's."""
        limits = self._timeouts if timeout is None else timeout
        answer = super().send(request, stream=True, timeout=limits, verify=verify, cert=cert, proxies=proxies)
        if not stream:
            self._read(answer)
        return answer

    def _read(self, answer: requests.Response) -> None:
        body = bytearray()
        for piece in answer.iter_content(_PIECE):
            body += piece
            if len(body) > self._most_bytes:
                answer.close()
                raise AnswerTooLargeError(f"{answer.url} answers with more than {self._most_bytes} bytes")
        answer._content = bytes(body)  # noqa: SLF001 - what `Response.content` keeps once it has read


def http_pool(url: str, timeouts: Timeouts) -> urllib3.PoolManager:
    """Connections that threads share, at most eight to a server at once; a ninth thread waits for one.

    They go by the environment's proxies. A request gives its own ``redirect``, ``retries`` and headers.

    Args:
        url: what they are for decides on the proxy; never one for this machine.
        timeouts: seconds to connect, and between two pieces of an answer.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    settings: dict[str, Any] = {
        "num_pools": _SERVERS,
        "maxsize": _AT_ONCE,
        "block": True,
        "timeout": urllib3.Timeout(connect=timeouts.connect, read=timeouts.read),
        "headers": {"User-Agent": USER_AGENT},
    }
    proxy = None if is_loopback(host) or proxy_bypass(host) else getproxies().get(parts.scheme)
    return urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)
