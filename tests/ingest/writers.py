"""Spark drivers that a test talks to, line by line, and kills where it likes."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.forked_drivers import start_driver
from tests.spark_run import ROOT, scenario_env, tail


class Writer:
    """One driver process; what it is told waits until it is asked for the answer."""

    def __init__(self, home: Path, stores: dict[str, str], script: str = "tests/ingest/scenario_writer.py") -> None:
        self._path = home / f"writer-{os.urandom(4).hex()}.log"
        (its_input, told), (said, its_output) = os.pipe(), os.pipe()
        with self._path.open("w") as log:
            streams = (its_input, its_output, log.fileno())
            self._driver = start_driver(ROOT / script, [str(home)], scenario_env(home, stores), home, streams)
        for each in (its_input, its_output):
            os.close(each)
        self._told, self._said = os.fdopen(told, "w"), os.fdopen(said)

    def tell(self, do: str, **command: str) -> None:
        """Give a command; an empty one lets a driver go on that has stopped."""
        try:
            self._told.write(json.dumps({"do": do, **command}) + "\n" if do else "\n")
            self._told.flush()
        except BrokenPipeError as error:
            raise AssertionError(f"the driver ended with status {self._driver.wait()}; {self.tail()}") from error

    def answer(self) -> dict[str, Any]:
        """What it says next; waits for it."""
        line = self._said.readline()
        if not line:
            raise AssertionError(f"the driver ended with status {self._driver.wait()}; {self.tail()}")
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
        self._driver.kill()

    def close(self) -> None:
        """End it, if it is still there."""
        self._driver.kill()
        for pipe in (self._told, self._said):
            with suppress(BrokenPipeError):  # what it was not told any more
                pipe.close()
