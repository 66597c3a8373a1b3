"""A webhook's other side: a real HTTP server on loopback that answers, refuses, or does not answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HookServer(ThreadingHTTPServer):
    """Takes notices.

    Attributes:
        status: what it answers with.
        hold: where cleared, requests are taken and not answered before it is set.
        taken: one (path, headers, body) a request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.taken, self.hold = 200, [], threading.Event()
        self.arrived = threading.Event()
        self.hold.set()

    def serve_forever(self, poll_interval=0.01):
        """As the library does; the end comes as soon as it is asked for."""
        super().serve_forever(poll_interval)

    def handle_error(self, request, client_address):
        """Whoever gives up on a request that hangs is no error."""

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def notices(self):
        return [body for _, _, body in self.taken]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((self.path, dict(self.headers), body))
        self.server.arrived.set()
        self.server.hold.wait()
        self.send_response(self.server.status)
        self.send_header("Location", f"{self.server.address}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass
