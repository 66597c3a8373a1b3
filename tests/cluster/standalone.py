"""A standalone master and its workers on loopback, and drivers submitted to them as the project submits its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from afterbell.cluster.properties import FIRST_EXECUTOR_SECONDS, MASTER_UI, REGISTERED_SECONDS
from afterbell.cluster.submission import library_zip
from afterbell.config.platform import Folders

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).parent / "scenarios"
_READY_SECONDS = 120


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment() -> dict[str, str]:
    folders = Folders.from_env()
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "JDK_JAVA_OPTIONS", "AFTERBELL_ENV") if name in os.environ
    }
    return kept | {
        "JAVA_HOME": str(folders.java_home),
        "SPARK_HOME": str(folders.spark_home),
        "PYSPARK_PYTHON": str(folders.spark_python),
        "PYSPARK_DRIVER_PYTHON": str(folders.spark_python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
    }


@dataclass
class Cluster:
    """A running master, and how many of its workers are alive."""

    folder: Path
    port: int
    ui_port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def master(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.ui_port}"

    def start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        env = environment()
        argv = [f"{env['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind.lower()}.{kind}", *arguments]
        with (self.folder / f"{kind}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(argv, env=env, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def add_worker(self, cores: int, memory: str) -> subprocess.Popen[bytes]:
        alive = self.workers()
        process = self.start(
            "Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", str(cores), "--memory", memory,
            "--work-dir", str(self.folder / f"work-{len(self.processes)}"), self.master,
        )  # fmt: skip
        _until(lambda: self.workers() > alive, "worker")
        return process

    def workers(self) -> int:
        try:
            return int(requests.get(f"{self.ui}/json/", timeout=5).json()["aliveworkers"])
        except requests.ConnectionError:
            return -1


def _until(ready, what: str) -> None:
    ends = time.monotonic() + _READY_SECONDS
    while not ready():
        assert time.monotonic() < ends, f"the {what} did not come up"
        time.sleep(0.2)


@contextlib.contextmanager
def standalone(folder: Path) -> Iterator[Cluster]:
    """A master without workers; everything ends with the block."""
    cluster = Cluster(folder, free_port(), free_port())
    arguments = ("--host", "127.0.0.1", "--port", str(cluster.port), "--webui-port", str(cluster.ui_port))
    try:
        cluster.start("Master", *arguments)
        _until(lambda: cluster.workers() == 0, "master")
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            process.kill()
            process.wait()


def submit(
    folder: Path, script: Path, master: str, conf: dict[str, str] | None = None, inputs: dict[str, object] | None = None
) -> subprocess.Popen[str]:
    """A driver in client mode, its output in one stream."""
    named = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.driver.host": "127.0.0.1",
             "spark.ui.enabled": "false", "spark.local.dir": str(folder)} | (conf or {})  # fmt: skip
    argv = [str(ROOT / "include" / "afterbell" / "cluster" / "spark-submit"), "--master", master]
    for name, value in named.items():
        argv += ["--conf", f"{name}={value}"]
    argv += ["--py-files", str(library_zip(ROOT / "include", folder / "build")), str(script)]
    argv += ["--session", "2016-06-30", "--run-id", "r", "--deadline", "2016-06-30T22:00:00+00:00"]
    argv += ["--inputs", json.dumps(inputs or {})]
    return subprocess.Popen(
        argv, env=environment(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def limits(cluster: Cluster | None = None, *, registered: int = 60, first_executor: int = 10) -> dict[str, str]:
    """The properties of a profile's limits."""
    found = {REGISTERED_SECONDS: str(registered), FIRST_EXECUTOR_SECONDS: str(first_executor)}
    return found | ({MASTER_UI: cluster.ui} if cluster else {})
