"""An agent of the stand-in for Mesos: runs commands as processes, each in a sandbox folder that can be read by HTTP."""

from __future__ import annotations

import itertools
import shutil
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clusters.mesos.http import Answer, Server
from tests.clusters.programs import Program, Programs
from tests.patience import LONG

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What Mesos gives a task for a path that has none."""
_MOST = 65536
"""Bytes that one call of ``/files/read`` gives at most, as with Mesos."""


@dataclass
class Task:
    """A command on an agent.

    Attributes:
        framework: the id of the framework that launched it.
        info: what it launched, as the wire carries it.
        report: called with state, message and reason, whenever the state changes.
        killed: the framework asked for its end.
        lost: the master has given the agent up: nobody is told of the task any more.
    """

    framework: str
    info: dict[str, Any]
    report: Callable[[Task, str, str | None, str | None], None]
    program: Program | None = None
    state: str = "TASK_STAGING"
    killed: bool = False
    lost: bool = False

    @property
    def id(self) -> str:
        return str(self.info["id"])

    def tell(self, state: str, message: str | None = None, reason: str | None = None) -> None:
        self.state = state
        if not self.lost:
            self.report(self, state, message, reason)


@dataclass
class Agent:
    """One machine of the cluster.

    Attributes:
        name: its id, such as ``agent-1``.
        folder: its work folder; sandboxes lie below it as they do on a real agent.
        keeper: starts the processes.
        executor_environment: ``--executor_environment_variables``, which is all that tasks get of it.
        libmesos: ``libmesos-<version>.so`` in its library folder, which tasks are told; empty where there is none.
        cpus, mem: what it offers; MB.
        attributes: what constraints look at.
        alive: whether it answers.
        away: whether it has not come back yet after a restart of the master.
    """

    name: str
    folder: Path
    keeper: Programs
    executor_environment: dict[str, str]
    cpus: float
    mem: float
    attributes: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    libmesos: str = ""
    alive: bool = True
    away: bool = False
    _runs: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.server = Server({"/files/read": self._read, "/files/browse": self._browse})

    @property
    def registered(self) -> bool:
        """Whether the master knows it: it is alive, and has come back after a restart of the master."""
        return self.alive and not self.away

    def used(self, resource: str) -> float:
        """What its running tasks take."""
        busy = [task for task in list(self.tasks.values()) if task.state in {"TASK_STAGING", "TASK_RUNNING"}]
        return sum(float(task.info.get(resource, 0.0)) for task in busy)

    def sandbox(self, framework: str, task: str) -> Path:
        """Where the newest run of ``task`` has its files."""
        return self.folder / f"frameworks/{framework}/executors/{task}/runs/latest"

    def launch(self, task: Task) -> None:
        """Fetch what the task needs into a sandbox of its own, and run its command there."""
        self.tasks[task.id] = task
        latest = self.sandbox(task.framework, task.id)
        sandbox = latest.with_name(f"run-{next(self._runs)}")
        sandbox.mkdir(parents=True)
        latest.unlink(missing_ok=True)
        latest.symlink_to(sandbox.name)
        if task.info["image"]:
            task.tell(
                "TASK_FAILED", "Failed to launch container: no container runtime here", "REASON_CONTAINER_LAUNCH_FAILED"
            )
            return
        try:
            for uri in task.info["uris"]:
                _fetch(uri, sandbox)
        except (OSError, ValueError) as error:
            (sandbox / "stderr").write_text(f"Failed to fetch: {error}\n", encoding="utf-8")
            why = f"Failed to fetch all URIs for container '{sandbox.name}': exited with status 1"
            task.tell("TASK_FAILED", f"Failed to launch container: {why}", "REASON_CONTAINER_LAUNCH_FAILED")
            return
        self._run(task, sandbox)

    def _run(self, task: Task, sandbox: Path) -> None:
        own = {
            "MESOS_SANDBOX": str(sandbox),
            "MESOS_DIRECTORY": str(sandbox),
            "MESOS_TASK_ID": task.id,
            "MESOS_FRAMEWORK_ID": task.framework,
        }
        if self.libmesos:
            own["MESOS_NATIVE_JAVA_LIBRARY"] = self.libmesos
        env = {"PATH": _PATH} | own | self.executor_environment | task.info["env"]
        argv = ["/bin/sh", "-c", task.info["command"]]
        task.tell("TASK_RUNNING")
        task.program = self.keeper.start(
            argv,
            env,
            sandbox,
            sandbox / "stdout",
            errors=sandbox / "stderr",
            on_end=lambda status: _ended(task, status),
        )
        if task.killed:
            task.program.kill_all(signal.SIGTERM)

    def kill(self, task: Task, number: int = signal.SIGTERM) -> None:
        """End a task as its framework asked for: the command and all that it started are signalled."""
        task.killed = True
        if task.program is not None:
            task.program.kill_all(number)

    def _read(self, query: dict[str, str]) -> Answer:
        path = self._file(query["path"])
        if path is None or not path.is_file():
            return Answer(404, "")
        if "offset" not in query and "length" not in query:
            return Answer(200, {"data": "", "offset": path.stat().st_size})
        offset = int(query.get("offset", "0"))
        with path.open("rb") as stream:
            stream.seek(max(offset, 0))
            data = stream.read(min(int(query.get("length", _MOST)), _MOST))
        return Answer(200, {"data": data.decode("utf-8", errors="replace"), "offset": offset})

    def _browse(self, query: dict[str, str]) -> Answer:
        path = self._file(query["path"])
        if path is None or not path.is_dir():
            return Answer(404, "")
        return Answer(200, [{"path": f"{query['path']}/{each.name}"} for each in sorted(path.iterdir())])

    def _file(self, virtual: str) -> Path | None:
        path = (self.folder / virtual.lstrip("/")).resolve()
        return path if path.is_relative_to(self.folder.resolve()) else None


def _ended(task: Task, status: int) -> None:
    how = f"terminated with signal {signal.strsignal(-status)}" if status < 0 else f"exited with status {status}"
    state = "TASK_KILLED" if task.killed else "TASK_FAILED" if status else "TASK_FINISHED"
    if state == "TASK_KILLED":  # a shell or a JVM that turns the signal into a status doesn't hide it from Mesos
        how = "terminated with signal Terminated"
    task.tell(state, f"Command {how}", None if state == "TASK_FINISHED" else "REASON_COMMAND_EXECUTOR_FAILED")


def _fetch(uri: str, sandbox: Path) -> None:
    target = sandbox / uri.rstrip("/").rpartition("/")[2]
    if "://" in uri and not uri.startswith("file://"):
        scheme = uri.partition("://")[0]
        if scheme not in {"http", "https"}:
            raise ValueError(f"this agent has no client for {scheme}:// ({uri})")
        with urllib.request.urlopen(uri, timeout=LONG) as answer:  # noqa: S310 - http alone, see above
            target.write_bytes(answer.read())
    else:
        shutil.copy(uri.removeprefix("file://"), target)
    if target.name.endswith((".tgz", ".tar.gz", ".zip")) and not target.name.endswith(".py.zip"):
        shutil.unpack_archive(target, sandbox)
