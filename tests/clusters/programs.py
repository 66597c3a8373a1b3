"""Programs of a test cluster: started beside the test, killed one by one, and all gone when it is over."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from afterbell.config.platform import Folders
from afterbell.embedded import guard
from afterbell.embedded.child import guarded
from afterbell.embedded.service import plain_environment

_KEEPER = Path(__file__).with_name("keeper.py")
Found = TypeVar("Found")


class Program:
    """One program that was started: ``ended`` is set once it is over, ``status`` is its exit status then."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self.status: int | None = None
        self.ended = threading.Event()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signal this program alone; what it started lives on."""
        if not self.ended.is_set():
            os.kill(self.pid, number)

    def kill_all(self, number: int = signal.SIGKILL) -> None:
        """Signal the program and all that it started in its session."""
        if not self.ended.is_set():
            os.killpg(self.pid, number)

    def wait(self, seconds: float = 300.0) -> int:
        """Its exit status; negative for the signal that ended it."""
        if not self.ended.wait(seconds):
            raise AssertionError(
                f"process {self.pid} still runs after {seconds:.0f} s; the end of its log:\n{self.tail()}"
            )
        assert self.status is not None
        return self.status

    def tail(self, characters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]


class Programs:
    """Starts programs through the keeper that listens on ``socket_path``."""

    def __init__(self, socket_path: str) -> None:
        self._socket = socket_path

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        *,
        errors: Path | None = None,
        on_end: Callable[[int], None] | None = None,
    ) -> Program:
        """Start ``argv`` in a session of its own.

        Args:
            argv: the program and its arguments.
            env: its whole environment.
            cwd: where it starts.
            log: what its output is added to.
            errors: where its error output goes instead.
            on_end: called with its exit status, from another thread.
        """
        line = socket.socket(socket.AF_UNIX)
        line.connect(self._socket)
        stream = line.makefile("rwb")
        asked = {
            "argv": list(argv),
            "env": dict(env),
            "cwd": str(cwd),
            "stdout": str(log),
            "stderr": str(errors or log),
        }
        stream.write(json.dumps(asked).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline())
        if "error" in answer:
            raise OSError(f"{argv[0]}: {answer['error']}")
        program = Program(answer["pid"], log)

        def follow() -> None:
            with line, stream:
                told = stream.readline()
            program.status = json.loads(told)["status"] if told else -signal.SIGKILL
            program.ended.set()
            if on_end is not None:
                on_end(program.status)

        threading.Thread(target=follow, daemon=True).start()
        return program


@contextmanager
def programs(folder: Path) -> Iterator[Programs]:
    """A keeper for the block; at its end all that it started is ended, whatever happened.

    Args:
        folder: takes the keeper's log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="afterbell-keeper-") as short:  # a socket's path is 108 bytes at most
        path = f"{short}/socket"
        env = plain_environment() | {guard.GRACE: "2"}
        with guarded([sys.executable, "-I", str(_KEEPER), path], env, folder / "keeper.log"):
            until("the keeper listens", lambda: Path(path).exists())
            yield Programs(path)


def until(what: str, ask: Callable[[], Found], seconds: float = 300.0) -> Found:
    """Ask again until the answer is true; returns it.

    Raises:
        AssertionError: it did not become true; the message is ``what`` with the last answer or error.
    """
    deadline, last = time.monotonic() + seconds, "nothing yet"
    while time.monotonic() < deadline:
        try:
            found = ask()
        except (OSError, KeyError, ValueError) as error:  # nobody listens yet, or not the answer yet
            last = repr(error)
        else:
            if found:
                return found
            last = repr(found)
        time.sleep(0.1)
    raise AssertionError(f"{what}: not after {seconds:.0f} s; last seen: {last}")


def java_environment(folders: Folders) -> dict[str, str]:
    """What a machine of a cluster gives to its programs: Java, and nothing of Afterbell."""
    return plain_environment() | quick_java() | {"JAVA_HOME": str(folders.java_home)}


def quick_java() -> dict[str, str]:
    """What ``tests/conftest.py`` sets for every short-lived JVM; programs that inherit nothing must be given it."""
    return {name: os.environ[name] for name in ("JDK_JAVA_OPTIONS",) if name in os.environ}
