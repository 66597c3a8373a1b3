"""A real Spark standalone cluster on loopback: one master with its REST server, and workers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from afterbell.config.platform import Folders
from afterbell.embedded.ports import LOOPBACK, free_port
from tests.clusters.classes import daemon_environment
from tests.clusters.programs import Program, Programs, java_environment, programs, until
from tests.clusters.rest import Submissions, get

_MASTER, _WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
_DRIVER = "org.apache.spark.deploy.worker.DriverWrapper"


class Standalone:
    """The cluster. Master and workers are killed, paused and restarted by a test as machines fail.

    Attributes:
        master: ``spark://host:port``.
        rest: the submission server.
        ui: address of the master's pages.
        folder: work folders and logs, a folder a process.
        workers: the running workers, by name.
    """

    def __init__(self, folder: Path, keeper: Programs, *, cores: int, memory: str) -> None:
        self.folder = folder
        self._keeper = keeper
        self._folders = Folders.from_env()
        self._ports = {name: free_port() for name in ("master", "rest", "ui")}
        self._cores, self._memory = cores, memory
        self.master = f"spark://{LOOPBACK}:{self._ports['master']}"
        self.ui = f"http://{LOOPBACK}:{self._ports['ui']}"
        self.rest = Submissions(f"http://{LOOPBACK}:{self._ports['rest']}")
        self.workers: dict[str, Program] = {}
        self.start_master()

    def start_master(self) -> None:
        """Start the master; one that was there before is found again at its address, with what it knew."""
        options = {
            "spark.master.rest.enabled": "true",
            "spark.master.rest.host": LOOPBACK,
            "spark.master.rest.port": self._ports["rest"],
            "spark.deploy.recoveryMode": "FILESYSTEM",
            "spark.deploy.recoveryDirectory": self.folder / "recovery",
        }
        argv = [_MASTER, "--host", LOOPBACK, "--port", self._ports["master"], "--webui-port", self._ports["ui"]]
        self.master_program = self._start("master", argv, {"SPARK_MASTER_OPTS": _properties(options)})
        until("the master answers", lambda: self.state()["status"] == "ALIVE")

    def start_worker(self, name: str) -> Program:
        """Start a worker; ``alive`` tells when the master knows it."""
        options = {"spark.worker.cleanup.enabled": "false"}
        argv = [
            _WORKER, "--host", LOOPBACK, "--port", free_port(), "--webui-port", free_port(),
            "--cores", self._cores, "--memory", self._memory, "--work-dir", self.folder / name / "work", self.master,
        ]  # fmt: skip
        self.workers[name] = self._start(name, argv, {"SPARK_WORKER_OPTS": _properties(options)})
        return self.workers[name]

    def _start(self, name: str, argv: list[Any], env: dict[str, str]) -> Program:
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        own = {
            "SPARK_HOME": str(self._folders.spark_home),
            "SPARK_CONF_DIR": str(home),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_DAEMON_MEMORY": "256m",
        }
        command = [str(self._folders.spark_home / "bin" / "spark-class"), *(str(item) for item in argv)]
        env = java_environment(self._folders) | daemon_environment(self._folders) | own | env
        return self._keeper.start(command, env, home, home / "log")

    def state(self) -> Any:
        """What the master tells of itself, of workers, applications and drivers."""
        return get(f"{self.ui}/json/")

    def alive(self) -> int:
        """Workers that the master counts on."""
        return sum(worker["state"] == "ALIVE" for worker in self.state()["workers"])

    def kill_master(self) -> None:
        """The master dies; workers, drivers and executors live on."""
        self.master_program.kill()
        self.master_program.wait()

    def driver_process(self, submission: str) -> psutil.Process:
        """The process that runs the driver ``submission`` here."""
        return until(f"{submission} has a process", lambda: self._find(submission))

    def _find(self, submission: str) -> psutil.Process | None:
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if _DRIVER in line and any(f"/work/{submission}" in item for item in line):
                return process
        return None

    def worker_of(self, submission: str) -> str:
        """The name of the worker that runs ``submission``.

        Raises:
            KeyError: none has begun to.
        """
        for name in self.workers:
            if (self.folder / name / "work" / submission).is_dir():
                return name
        raise KeyError(submission)

    def kill_driver(self, submission: str) -> None:
        """SIGKILL to the driver and to all that it started, as the kernel does when memory is out."""
        process = self.driver_process(submission)
        for each in (process, *process.children(recursive=True)):
            each.send_signal(signal.SIGKILL)

    def driver_log(self, submission: str, name: str = "stderr") -> str:
        """What the driver wrote on its worker."""
        path = self.folder / self.worker_of(submission) / "work" / submission / name
        return path.read_text(encoding="utf-8", errors="replace")


def _properties(options: dict[str, Any]) -> str:
    return " ".join(f"-D{key}={value}" for key, value in options.items())


@contextmanager
def standalone(folder: Path, *, workers: int = 2, cores: int = 2, memory: str = "4g") -> Iterator[Standalone]:
    """A cluster for the block; all of it is gone at its end.

    Args:
        folder: takes work folders and logs.
        workers: how many.
        cores: that each worker offers, whatever the machine has.
        memory: that each worker offers.
    """
    with programs(folder) as keeper:
        cluster = Standalone(folder, keeper, cores=cores, memory=memory)
        for number in range(workers):
            cluster.start_worker(f"worker-{number + 1}")
        until("the workers are registered", lambda: cluster.alive() == workers)
        yield cluster
