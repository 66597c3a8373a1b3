"""A server of the REST submission protocol that says what it is told to say, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FrozenServer:
    """Answers by method and path; every request is kept.

    Attributes:
        answers: ``"GET /v1/submissions/status/x"`` to a list of (status, body): the last one stays. A body of None
            hangs up without an answer.
        requests: what was asked, as (method and path, body), in order.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.requests: list[tuple[str, Any]] = []
        self._lock = threading.Lock()
        self.url = ""

    def say(self, what: str, *answers: Any, status: int = 200) -> None:
        """Answer ``what`` with ``answers``, one after another."""
        self.answers[what] = [(status, answer) for answer in answers]

    def count(self, what: str) -> int:
        """How often ``what`` was asked."""
        return sum(asked == what for asked, _ in self.requests)

    def take(self, what: str, body: Any) -> tuple[int, Any]:
        """The next answer to ``what``."""
        with self._lock:
            self.requests.append((what, body))
            waiting = (
                self.answers.get(what) or self.answers.get(what.split("?", maxsplit=1)[0]) or [(404, "nothing here")]
            )
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def frozen_server() -> Iterator[FrozenServer]:
    """A server on a free port of loopback, gone at the end of the block."""
    frozen = FrozenServer()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = frozen.take(f"{self.command} {self.path}", body)
            if answer is None:
                self.close_connection = True
                return
            data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the standard library calls

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    frozen.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield frozen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
