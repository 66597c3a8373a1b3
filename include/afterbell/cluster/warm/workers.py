"""Spark's daemon of Python workers for a warm JVM: a fork of the process that has the libraries imported.

``python -m afterbell.cluster.warm.workers`` stands where ``python -m pyspark.daemon`` would. A context has a daemon of
its own, and each of its workers would import pandas and what follows for a second or two. Here ``serve.py`` forks
itself into ``pyspark.daemon``, with the standard streams that Spark made for this process, which waits for its end.
Spark ends a daemon by closing its input. Where nobody forks, this process is the daemon.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from afterbell.cluster.warm.protocol import TAKEN, JobRequest, connect, send
from afterbell.config.environment import WORKERS


def main() -> None:
    """Live as long as the workers do."""
    door = os.environ.get(WORKERS, "")
    connection = connect(Path(door)) if door else None
    if connection is None or not _are_forked(connection):
        from pyspark.daemon import manager  # noqa: PLC0415 - it takes longer to import than to have them forked

        manager()
    else:
        connection.recv(1)  # never comes: the other end is closed with the last of them


def _are_forked(connection: socket.socket) -> bool:
    request = JobRequest("", [], dict(os.environ), str(Path.cwd()), 0)
    try:
        send(connection, request, [0, 1, 2])
        return connection.recv(1) == TAKEN
    except OSError:
        return False


if __name__ == "__main__":
    main()
