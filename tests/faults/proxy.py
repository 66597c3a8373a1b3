"""A proxy between a client and a real store, which does to the nth request what its script says.

The request goes on as it came, ``Host`` included, since S3's signatures cover it. The DataNodes that a NameNode sends
its clients to are reached through proxies of the same script.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.patience import LONG

ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass(frozen=True)
class Pass:
    """Passed on; ``before`` is called before the store gets the request, ``after`` before its answer goes back."""

    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Answer:
    """Answered by the proxy; the store never sees the request."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reset:
    """The connection is reset: before the store sees the request, or (``landed``) after it has done what was asked."""

    landed: bool = False


@dataclass(frozen=True)
class Stall:
    """No answer comes, until the client gives up; ``landed`` as above."""

    landed: bool = False


@dataclass(frozen=True)
class Cut:
    """The answer breaks off after ``size`` bytes of its body; ``honest`` about its length, or as if it were whole."""

    size: int
    honest: bool = False


@dataclass(frozen=True)
class Edit:
    """Passed on; ``change`` makes of the answer's body what goes back."""

    change: Callable[[bytes], bytes]


Action = Pass | Answer | Reset | Stall | Cut | Edit


@dataclass
class Rule:
    """Requests whose ``METHOD /path?query`` matches ``pattern``: the first ``skip`` pass, the next ``times`` don't.

    ``header`` is searched in the request's headers as they came, one a line.
    """

    pattern: str
    action: Action
    times: int = 1
    skip: int = 0
    header: str = ""

    def takes(self, request: str, headers: str) -> bool:
        if self.times == 0 or not re.search(self.pattern, request) or not re.search(self.header, headers):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


FOR_EVER = 1_000_000


@dataclass
class Script:
    """What a proxy and those behind it share: the rules, in order, and what came in.

    Attributes:
        rules: the first that takes a request decides.
        requests: ``METHOD /path?query`` of each.
        most_at_once: the most requests under way at the same time.
    """

    rules: list[Rule] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, request: str, headers: str) -> Action:
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            return next((rule.action for rule in self.rules if rule.takes(request, headers)), Pass())

    def end(self) -> None:
        with self._lock:
            self._under_way -= 1

    def matching(self, pattern: str) -> list[str]:
        return [request for request in self.requests if re.search(pattern, request)]


class Proxy:
    """Stands before the store at ``upstream``; use it as a context.

    Attributes:
        url: its own address.
        script: its rules and what came in.
    """

    def __init__(self, upstream: str, script: Script | None = None, port: int = 0) -> None:
        self.script = script or Script()
        self.upstream = urlsplit(upstream).netloc
        self._behind: dict[str, Proxy] = {}
        self._server = _Server(("127.0.0.1", port), self)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._behind.values():
            proxy.__exit__()
        self._server.shutdown()
        self._server.server_close()

    def on(self, pattern: str, action: Action, **more: Any) -> None:
        """Add a rule."""
        self.script.rules.append(Rule(pattern, action, **more))

    def forward(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.upstream, timeout=LONG)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in {"expect", "connection", "transfer-encoding", "content-length"}:
                connection.putheader(name, value)
        if body or method in {"PUT", "POST"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Connection", "close")
        connection.endheaders(body or None)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, self._rewritten(answer, data)

    def _rewritten(self, answer: HTTPResponse, data: bytes) -> bytes:
        """The body; where it or a header sends the client to another server, that is to a proxy before it."""
        target = answer.getheader("Location", "")
        if target.startswith("http://"):
            del answer.headers["Location"]
            answer.headers["Location"] = self._by_proxy(target)
        if not data.startswith(b'{"Location"'):
            return data
        return json.dumps({"Location": self._by_proxy(json.loads(data)["Location"])}).encode()

    def _by_proxy(self, target: str) -> str:
        netloc = urlsplit(target).netloc
        if netloc not in self._behind:
            self._behind[netloc] = Proxy(f"http://{netloc}", self.script)
        return target.replace(f"http://{netloc}", self._behind[netloc].url, 1)


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        self.proxy = proxy
        self.aborted: set[int] = set()
        super().__init__(address, _Handler)

    def shutdown_request(self, request: Any) -> None:
        if id(request) in self.aborted:
            self.aborted.discard(id(request))
            request.close()  # shutdown() would say goodbye first
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its signature
        return  # clients that give up are what this is for


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        body = self._body()
        script = self.server.proxy.script
        lines = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        action = script.begin(f"{self.command} {self.path}", lines)
        try:
            self._act(action, body)
        except (OSError, HTTPException):
            self._abort()
        finally:
            script.end()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _act(self, action: Action, body: bytes) -> None:
        match action:
            case Answer():
                self._send(action.status, list(action.headers), action.body)
            case Reset() | Stall():
                if action.landed:
                    self._forward(body)
                if isinstance(action, Stall):
                    self.connection.settimeout(LONG)
                    self.connection.recv(1)  # returns when the client has gone
                self._abort()
            case Pass():
                action.before()
                answer, data = self._forward(body)
                action.after()
                self._send(answer.status, answer.getheaders(), data)
            case Edit():
                answer, data = self._forward(body)
                self._send(answer.status, answer.getheaders(), action.change(data))
            case Cut():
                answer, data = self._forward(body)
                told = action.size if action.honest else len(data)
                self._send(answer.status, answer.getheaders(), data[: action.size], told)
                if not action.honest:
                    self._abort()

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        return self.server.proxy.forward(self.command, self.path, self.headers.items(), body)

    def _send(self, status: int, headers: list[tuple[str, str]], data: bytes, told: int | None = None) -> None:
        self.send_response_only(status)
        length = str(len(data) if told is None else told)
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _abort(self) -> None:
        self.close_connection = True
        self.server.aborted.add(id(self.request))
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.server.shutdown_request(self.request)

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - its signature
        return
