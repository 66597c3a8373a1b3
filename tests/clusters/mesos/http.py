"""A small HTTP server on loopback: JSON answers to GET, and one path that hands the connection over."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

from afterbell.embedded.ports import LOOPBACK, free_port


@dataclass(frozen=True)
class Answer:
    """A status, and a body that becomes JSON."""

    status: int
    body: Any


Handler = Callable[[dict[str, str]], Answer]
Line = Callable[[BinaryIO, BinaryIO, socket.socket], None]


class Server:
    """Serves from its construction until ``close``; it can be opened again on its port."""

    def __init__(self, paths: Mapping[str, Handler], line: Line | None = None) -> None:
        self.paths = dict(paths)
        self.line = line
        self.port = free_port()
        self.open()

    @property
    def address(self) -> str:
        """``http://host:port``."""
        return f"http://{LOOPBACK}:{self.port}"

    def open(self) -> None:
        """Listen."""
        self._server = _HTTP((LOOPBACK, self.port), _Request)
        self._server.owner = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: Server


class _Request(BaseHTTPRequestHandler):
    server: _HTTP

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        handler = self.server.owner.paths.get(asked.path.rstrip("/"))
        answer = Answer(404, "") if handler is None else handler(dict(parse_qsl(asked.query)))
        body = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        if self.server.owner.line is None or self.path != "/stand-in":
            self.send_error(404)
            return
        self.close_connection = True
        self.server.owner.line(self.rfile, self.wfile, self.connection)  # type: ignore[arg-type]

    def log_message(self, *args: object) -> None:
        """Nothing: the test has its own log."""
