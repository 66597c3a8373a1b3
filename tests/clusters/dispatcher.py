"""The real MesosClusterDispatcher of Spark on loopback, before a stand-in for Mesos (see ``tests/clusters/mesos``)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from afterbell.config.platform import Folders
from afterbell.embedded.ports import LOOPBACK, free_port
from tests.clusters.mesos.agent import Agent, Task
from tests.clusters.mesos.build import libmesos_of, mesos_spark_home
from tests.clusters.mesos.master import Master
from tests.clusters.programs import Program, Programs, java_environment, programs, quick_java, until
from tests.clusters.rest import Submissions, get

_DISPATCHER = "org.apache.spark.deploy.mesos.MesosClusterDispatcher"
_NAME = "Spark Cluster"


class Dispatcher:
    """The dispatcher with its Mesos.

    Attributes:
        address: ``mesos://host:port``, what drivers are submitted to.
        rest: its submission server.
        mesos: master and agents.
        spark_home: the Spark of the agents.
        folder: sandboxes and logs.
    """

    def __init__(self, folder: Path, keeper: Programs, mesos: Master, spark_home: Path, conf: dict[str, Any]) -> None:
        self.folder = folder
        self.mesos = mesos
        self.spark_home = spark_home
        self._keeper = keeper
        self._conf = {"spark.mesos.rejectOfferDuration": "1s"} | conf
        port = free_port()
        self.address = f"mesos://{LOOPBACK}:{port}"
        self.rest = Submissions(f"http://{LOOPBACK}:{port}")
        self._port = port
        self.program = self.start()

    def start(self) -> Program:
        """Start the dispatcher; one that was there before has forgotten all of its drivers."""
        home = self.folder / "dispatcher"
        home.mkdir(parents=True, exist_ok=True)
        settings = "".join(f"{key} {value}\n" for key, value in self._conf.items())
        (home / "spark-defaults.conf").write_text(settings, encoding="utf-8")
        own = {
            "SPARK_HOME": str(self.spark_home),
            "SPARK_CONF_DIR": str(home),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_DAEMON_MEMORY": "256m",
            "MESOS_NATIVE_JAVA_LIBRARY": libmesos_of(self.spark_home),
        }
        argv = [
            str(self.spark_home / "bin" / "spark-class"), _DISPATCHER, "--host", LOOPBACK, "--port", str(self._port),
            "--webui-port", str(free_port()), "--name", _NAME, "--properties-file", str(home / "spark-defaults.conf"),
            "--master", f"mesos://{LOOPBACK}:{self.mesos.port}",
        ]  # fmt: skip
        self.program = self._keeper.start(argv, java_environment(Folders.from_env()) | own, home, home / "log")
        # It serves requests before it has registered, and answers that it is not ready.
        until("the dispatcher is ready", lambda: "not ready" not in self.rest.status("nothing").get("message", ""))
        return self.program

    def kill(self) -> None:
        """The dispatcher dies; drivers live on."""
        self.program.kill()
        self.program.wait()

    @property
    def master_ui(self) -> str:
        """Where the pages of the Mesos master are."""
        return self.mesos.server.address

    def frameworks(self) -> Any:
        """What the master tells of frameworks."""
        return get(f"{self.master_ui}/frameworks")["frameworks"]

    def drivers(self) -> list[Task]:
        """What the master has of the dispatcher's drivers, in the order of their launches."""
        with self.mesos.lock:
            (own,) = (each for each in self.mesos.frameworks.values() if each.asked["name"] == _NAME)
            return [task for _, task in own.tasks.values()]

    def task(self, submission: str) -> tuple[Agent, Task]:
        """The newest task of the driver ``submission``, once it has been launched."""
        return until(f"{submission} is launched", lambda: self.mesos.task(submission))

    def kill_driver(self, submission: str) -> None:
        """SIGKILL to the driver and to all that it started, as the kernel does when memory is out."""
        _, task = self.task(submission)
        program = until(f"{submission} has a process", lambda: task.program)
        process = psutil.Process(program.pid)
        for each in (*process.children(recursive=True), process):
            each.send_signal(signal.SIGKILL)

    def driver_log(self, submission: str, name: str = "stderr") -> str:
        """What the driver wrote into its sandbox."""
        agent, task = self.task(submission)
        return (agent.sandbox(task.framework, task.id) / name).read_text(encoding="utf-8", errors="replace")


def executor_environment() -> dict[str, str]:
    """What the agents' ``--executor_environment_variables`` name: Java, and that all of it is on loopback."""
    return quick_java() | {"JAVA_HOME": str(Folders.from_env().java_home), "SPARK_LOCAL_IP": LOOPBACK}


@contextmanager
def dispatcher(
    folder: Path,
    *,
    agents: int = 2,
    cores: float = 4,
    memory: float = 6144,
    secret: str = "",
    environment: dict[str, str] | None = None,
    **conf: Any,
) -> Iterator[Dispatcher]:
    """Dispatcher, Mesos and agents for the block; all of it is gone at its end.

    Args:
        folder: takes sandboxes and logs.
        agents: how many.
        cores: that each agent offers, whatever the machine has.
        memory: that each agent offers, MB.
        secret: what every framework must know; empty for none.
        environment: more of the agents' ``--executor_environment_variables``.
        conf: Spark properties of the dispatcher, dots written as ``__``.
    """
    spark_home = mesos_spark_home(folder)
    with programs(folder) as keeper:
        machines = [
            Agent(
                f"agent-{number + 1}", folder / f"agent-{number + 1}", keeper,
                executor_environment() | (environment or {}), cores, memory, libmesos=libmesos_of(spark_home),
            )
            for number in range(agents)
        ]  # fmt: skip
        mesos = Master(machines, secret)
        try:
            settings = {key.replace("__", "."): value for key, value in conf.items()}
            yield Dispatcher(folder, keeper, mesos, spark_home, settings)
        finally:
            mesos.close()
            for machine in machines:
                if machine.alive:
                    machine.server.close()
