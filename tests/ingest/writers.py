"""Spark drivers that a test talks to, line by line, and kills where it likes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from afterbell.config.platform import Folders
from tests.spark_run import ROOT, scenario_env, tail


class Writer:
    """One driver process; what it is told waits until it is asked for the answer."""

    def __init__(self, home: Path, stores: dict[str, str], script: str = "tests/ingest/scenario_writer.py") -> None:
        self._path = home / f"writer-{os.urandom(4).hex()}.log"
        self._log = self._path.open("w")
        self._process = subprocess.Popen(
            [str(Folders.from_env().spark_python), str(ROOT / script), str(home)],
            env=scenario_env(home, stores),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )

    def tell(self, do: str, **command: str) -> None:
        """Give a command; an empty one lets a driver go on that has stopped."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **command}) + "\n" if do else "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise AssertionError(f"the driver ended with status {self._process.wait()}; {self.tail()}") from error

    def answer(self) -> dict[str, Any]:
        """What it says next; waits for it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the driver ended with status {self._process.wait()}; {self.tail()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def tail(self) -> str:
        """The end of what the driver wrote beside its answers."""
        return tail(self._path)

    def ask(self, do: str, **command: str) -> dict[str, Any]:
        """Give a command and wait for the answer to it."""
        self.tell(do, **command)
        return self.answer()

    def kill(self) -> None:
        """SIGKILL for the driver, its JVM and its workers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it, if it is still there."""
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()
