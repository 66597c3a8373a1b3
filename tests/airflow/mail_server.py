"""A mail server on loopback that takes every letter: just enough of RFC 5321."""

from __future__ import annotations

import socketserver
from email import message_from_bytes, policy


class MailServer(socketserver.ThreadingTCPServer):
    """Takes letters.

    Attributes:
        letters: parsed, in the order they came.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.letters = []

    def serve_forever(self, poll_interval=0.01):
        """As the library does; the end comes as soon as it is asked for."""
        super().serve_forever(poll_interval)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self._say("220 mail")
        while line := self.rfile.readline():
            word = line[:4].strip().upper()
            if word == b"DATA":
                self._say("354 go on")
                self._take()
            self._say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return

    def _take(self):
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        self.server.letters.append(message_from_bytes(b"".join(lines), policy=policy.default))

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())
