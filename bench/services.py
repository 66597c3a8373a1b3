"""A real S3 and a real HDFS with drops in them, and a Spark driver beside them, for measurements that need both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.embedded import stack
from afterbell.stores.upload import folder_deliveries, upload
from bench.driver import driver_env

_ALL_CORES = "--master local[*] --driver-memory 3g --conf spark.ui.showConsoleProgress=false"


@contextmanager
def services(drops: Path) -> Iterator[dict[str, str]]:
    """S3 and HDFS in a temporary folder, with the drops of the folder ``drops``; the variables of a step."""
    set_up = Folders.from_env()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        folders = Folders(root=set_up.root, home=Path(home), env=set_up.env)
        platform = Platform()
        with stack.running(folders, platform) as endpoints:
            env = stack.step_env(folders, platform, endpoints)
            kept = dict(os.environ)
            os.environ.update(env)
            try:
                upload(folder_deliveries(drops), Runtime.from_env(env))
            finally:
                os.environ.clear()
                os.environ.update(kept)
            yield env


def drive(module: str, arguments: Sequence[str], env: dict[str, str]) -> int:
    """Run ``python -m module`` as a Spark driver on all cores of this machine; its exit status."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(
            command, env=driver_env(env, Path(scratch), _ALL_CORES), cwd=scratch, check=False
        ).returncode


class DriverClient:
    """A Spark driver (``python -m module``) that runs commands, a JSON line each; use it in a ``with`` block."""

    def __init__(self, module: str, arguments: Sequence[str], env: dict[str, str], submit: str = _ALL_CORES) -> None:
        """``submit`` are arguments of spark-submit: master, memory and the like."""
        self._scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self._stderr = Path(self._scratch.name) / "stderr"
        self._driver = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=driver_env(env, Path(self._scratch.name), submit),
            cwd=self._scratch.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr.open("w"),
            text=True,
        )

    def __enter__(self) -> Self:
        """The driver is being started."""
        return self

    @property
    def pid(self) -> int:
        """The driver's process."""
        return self._driver.pid

    def __exit__(self, *_: object) -> None:
        """End the driver."""
        self._driver.communicate()
        self._scratch.cleanup()

    def call(self, do: str, **command: object) -> float:
        """Send a command and wait for its result.

        Raises:
            RuntimeError: the driver ended; the message has the end of its output.
        """
        stdin, stdout = self._driver.stdin, self._driver.stdout
        line = ""
        if stdin is not None and stdout is not None:
            print(json.dumps({"do": do, **command}), file=stdin, flush=True)
            line = stdout.readline()
        if not line:
            output = self._stderr.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"the driver ended during {do} {command}: {output}")
        return float(json.loads(line))
