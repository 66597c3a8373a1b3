"""Starts programs for a test and tells how each ended; run as a script under the project's guard.

Whatever is started here, and whatever outlives the program that started it, is a descendant of the guard: it ends with
the test, however that ends, and not before. A program that is killed therefore leaves its children running, as it would
on a cluster.

Each connection to the socket is one program: a JSON line ``{argv, env, cwd, stdout, stderr}`` in, a line ``{pid}`` out,
and at its end a line ``{status}`` (negative: the signal).
"""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
from pathlib import Path


class OneProgram(socketserver.StreamRequestHandler):
    """The life of one program."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        try:
            with Path(asked["stdout"]).open("ab") as out, Path(asked["stderr"]).open("ab") as err:
                process = subprocess.Popen(
                    asked["argv"],
                    env=asked["env"],
                    cwd=asked["cwd"],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,  # so that it can be signalled with all that it started
                )
        except OSError as error:
            self.tell(error=str(error))
            return
        self.tell(pid=process.pid)
        self.tell(status=process.wait())

    def tell(self, **what: object) -> None:
        """One line to the test, if it still listens."""
        try:
            self.wfile.write(json.dumps(what).encode() + b"\n")
        except OSError:
            return


class Keeper(socketserver.ThreadingUnixStreamServer):
    """Serves one thread a program."""

    daemon_threads = True
    request_queue_size = 32


if __name__ == "__main__":
    Keeper(sys.argv[1], OneProgram).serve_forever()
