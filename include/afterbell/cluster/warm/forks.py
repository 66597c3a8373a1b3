"""A process with the libraries imported, and its forks: a job and its Python workers would import them for seconds.

A warm JVM's application (``serve.py``) is such a process; so may be any other that has no threads of its own.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from afterbell.cluster.warm.protocol import TAKEN, JobRequest, listen, receive
from afterbell.packages import PRELOADED

_THREADS = "OMP_NUM_THREADS"
"""The variable from which numeric libraries read how many threads they may have."""
_ANSWER_SECONDS = 1.0


def import_libraries(between: Callable[[], object]) -> None:
    """Import the libraries, build the calendar, and call ``between`` after each."""
    # They read how many threads they may have when they are imported, and Spark allows a task one.
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
        between()
    if before is None:
        del os.environ[_THREADS]
    else:
        os.environ[_THREADS] = before
    with suppress(ImportError):
        from afterbell.calendar.sessions import Exchange  # noqa: PLC0415 - after what is needed sooner
        from afterbell.stores.s3_client import read_description  # noqa: PLC0415

        read_description()
        _ = Exchange().zone  # builds the calendar, for half a second


def take_over(request: JobRequest, streams: Iterable[int], first: int) -> None:
    """Take over the standard streams from the descriptor ``first`` on, the variables and the folder of the request."""
    for number, stream in enumerate(streams, start=first):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)


class Workers:
    """The source of Spark's Python workers: forks of this process, each a daemon of workers as Spark has them."""

    def __init__(self, door: Path) -> None:
        self.socket = listen(door)
        self._forks: list[int] = []

    def fork(self, others: Iterable[Connection | socket.socket]) -> None:
        """Serve one process that Spark started as such a daemon; the fork closes ``others``, which are not for it."""
        connection, _ = self.socket.accept()
        with connection:
            try:
                connection.settimeout(_ANSWER_SECONDS)
                request, streams = receive(connection)
                connection.settimeout(None)
            except OSError:
                return  # then it is the daemon itself
            pid = os.fork()
            if not pid:
                self._become_daemon(request, streams, connection, others)
            for stream in streams:
                os.close(stream)
        self._forks.append(pid)

    def reap(self) -> None:
        """Collect the forks that have ended with their contexts."""
        self._forks = [fork for fork in self._forks if not os.waitpid(fork, os.WNOHANG)[0]]

    def _become_daemon(
        self,
        request: JobRequest,
        streams: list[int],
        connection: socket.socket,
        others: Iterable[Connection | socket.socket],
    ) -> NoReturn:
        """Be the daemon, in the fork; whatever happens, nothing of this process goes on there."""
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for resource in (self.socket, *others):
                resource.close()
            take_over(request, streams, first=0)
            from pyspark.daemon import manager  # noqa: PLC0415 - this process itself needs no Spark

            from afterbell.cluster.worker import keep_archives  # noqa: PLC0415 - it may be another's archive

            keep_archives()
            connection.sendall(TAKEN)
            manager()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        except Exception:  # noqa: BLE001 - there is nobody above
            traceback.print_exc()
        finally:
            os._exit(status)
