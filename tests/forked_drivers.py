"""Spark drivers for tests, forked from one process a test session that has the libraries imported.

A driver that starts cold imports for five seconds before it does anything, and each of its Python workers for two. The
project's own steps don't (``afterbell.cluster.warm``); here it is done in the same way, for scripts that start a JVM of
their own. Run as a script with a folder, this is that process: it forks a driver for each request at ``drivers`` there,
a daemon of Python workers for each at ``workers``, and ends with the test session, whose end closes its input.
"""

from __future__ import annotations

import atexit
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import NoReturn

from afterbell.cluster.warm.forks import Workers, import_libraries, take_over
from afterbell.cluster.warm.protocol import JobRequest, connect, listen, receive, send
from afterbell.cluster.warm.serve import stop_context
from afterbell.cluster.warm.submit import forked_workers
from afterbell.config.platform import Folders

_ROOT = Path(__file__).resolve().parents[1]
_PATH = f"{_ROOT / 'include'}:{_ROOT}"
_STARTS = 300.0


class Driver:
    """A driver that was forked: a process in a session of its own."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self._connection = connection
        self._status: int | None = None

    def wait(self, seconds: float | None = None) -> int:
        """Its exit status, as a shell has it.

        Raises:
            TimeoutError: it still runs after so many seconds.
        """
        if self._status is None:
            self._connection.settimeout(seconds)
            told = self._connection.recv(64)
            self._status = int(told) if told else 128 + signal.SIGKILL
            self._connection.close()
        return self._status

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        try:
            self.wait(0)
        except (TimeoutError, BlockingIOError):
            return True
        return False

    def kill(self) -> None:
        """SIGKILL for the driver and its JVM, which ends its workers."""
        if self.runs:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()


def start_driver(
    script: Path, arguments: Sequence[str], env: Mapping[str, str], folder: Path, streams: Sequence[int]
) -> Driver:
    """Run a script as a Spark driver.

    Args:
        script: the Python file.
        arguments: its own.
        env: all of its variables.
        folder: its working directory.
        streams: open files that become its standard input, output and error.
    """
    connection = connect(_process() / "drivers")
    assert connection is not None, "the process that drivers are forked from has ended"
    send(connection, JobRequest(str(script), list(arguments), dict(env), str(folder), 0), list(streams))
    return Driver(int(connection.recv(64)), connection)


def workers_options() -> str:
    """The options of spark-submit for Python workers that are forked from the same process."""
    return " ".join(forked_workers(_process() / "workers"))


@cache
def _process() -> Path:
    """The folder of the process that forks, which is started when it is first needed."""
    home = tempfile.TemporaryDirectory(prefix="afterbell-forks-")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERBELL_", "AWS_"))}
    argv = [str(Folders.from_env().spark_python), __file__, home.name]
    process = subprocess.Popen(
        argv, env=env | {"PYTHONPATH": _PATH}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )

    def end() -> None:
        process.communicate()
        home.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", f"status {process.wait(_STARTS)}"
    return Path(home.name)


class _Forks:
    """The process that drivers are forked from; it has no threads."""

    def __init__(self, folder: Path) -> None:
        self._drivers = listen(folder / "drivers")
        self._workers = Workers(folder / "workers")
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """By the descriptor that tells of its end: a driver's number, and who asked for it."""

    def serve(self) -> None:
        """Fork until the test session has ended."""
        import_libraries(lambda: None)
        print("ready", flush=True)
        session = sys.stdin.fileno()
        while True:
            ready = wait([session, self._drivers, self._workers.socket, *self._running])
            if session in ready:
                return
            for each in ready:
                if each is self._drivers:
                    self._fork()
                elif each is self._workers.socket:
                    self._workers.fork(self._own())
                elif isinstance(each, int):
                    self._tell_end(each)
            self._workers.reap()

    def _own(self) -> list[socket.socket]:
        return [self._drivers, *(asked for _, asked in self._running.values())]

    def _fork(self) -> None:
        asked, _ = self._drivers.accept()
        request, streams = receive(asked)
        pid = os.fork()
        if not pid:
            for each in (*self._own(), asked, self._workers.socket):
                each.close()
            _be(request, streams)
        for stream in streams:
            os.close(stream)
        asked.sendall(str(pid).encode())
        self._running[os.pidfd_open(pid)] = pid, asked

    def _tell_end(self, handle: int) -> None:
        pid, asked = self._running.pop(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with asked:
            asked.sendall(str(code if code >= 0 else 128 - code).encode())


def _run_script(script: str) -> int:
    """Its exit status. A JVM that the driver did not start serves others after it, without its context."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code:
            return end.code if isinstance(end.code, int) else 1
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        stop_context()
    return 0


def _be(request: JobRequest, streams: list[int]) -> NoReturn:
    """Be the driver, in the fork: its script is the main program."""
    status = 1
    try:
        os.setsid()
        take_over(request, streams, first=0)
        sys.argv = [request.script, *request.arguments]
        sys.path[0] = str(Path(request.script).parent)
        status = _run_script(request.script)
    except BaseException:  # noqa: BLE001 - there is nobody above
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _Forks(Path(sys.argv[1])).serve()
