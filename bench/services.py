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

ROOT = Path(__file__).resolve().parents[1]


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
        return subprocess.run(command, env=_driver_env(env, scratch), cwd=scratch, check=False).returncode


class Conversation:
    """A Spark driver (``python -m module``) that answers commands, a JSON line each; use it in a ``with`` block."""

    def __init__(self, module: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self._driver = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=_driver_env(env, self._scratch.name),
            cwd=self._scratch.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        """The driver is being started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the driver."""
        self._driver.communicate()
        self._scratch.cleanup()

    def ask(self, do: str, **command: object) -> float:
        """Give a command and wait for its answer."""
        told, heard = self._driver.stdin, self._driver.stdout
        line = ""
        if told is not None and heard is not None:
            print(json.dumps({"do": do, **command}), file=told, flush=True)
            line = heard.readline()
        if not line:
            raise RuntimeError(f"the driver ended during {do} {command}")
        return float(json.loads(line))


def _driver_env(env: dict[str, str], scratch: str) -> dict[str, str]:
    folders = Folders.from_env()
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "JDK_JAVA_OPTIONS") if name in os.environ},
        **env,
        "JAVA_HOME": str(folders.java_home),
        "SPARK_HOME": str(folders.spark_home),
        "PYSPARK_PYTHON": str(folders.spark_python),
        "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": " ".join((
            "--master local[*] --driver-memory 3g",
            f"--jars {','.join(str(jar) for jar in folders.jars)}",
            "--conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false",
            f"--conf spark.local.dir={scratch}",
            "pyspark-shell",
        )),
    }  # fmt: skip
