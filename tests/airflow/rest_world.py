"""A cluster that is told what to answer, a real S3, and drivers that really run when the test says so."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from afterbell.airflow.attempt import KEY
from afterbell.airflow.cluster_step import Job
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.config.platform import Folders
from tests.cluster.rest_server import FrozenServer

CREATE = "POST /v1/submissions/create"
DEADLINE = "2099-06-30T22:00:00+00:00"
RUN = {"session": "2016-06-30", "run_id": "manual__x", "deadline": DEADLINE, "replayed": True, "profile": "t"}
PROFILE = """
master: {master}
{rest}
deploy_mode: cluster
first_executor_seconds: 180
registered_seconds: {registered}
"""
SCRIPT = """
import os, sys
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.data import IngestInputs
from afterbell.run.job import run_step
from afterbell.run.steps import Step
from afterbell.errors import ConfigError, StoreUnavailableError

class Landed(Result):
    branch: str

def body(args):
    wanted = os.environ["TEST_DRIVER"]
    if wanted == "permanent":
        raise ConfigError("the file sources/x.yaml is wrong: \\x1b[31mred\\x1b[0m")
    if wanted == "passing":
        raise StoreUnavailableError("s3 is away")
    if wanted == "odd":
        raise ZeroDivisionError("division by zero")
    if wanted == "memory":
        raise MemoryError
    return Landed(branch=wanted)

sys.exit(run_step(Step("ingest", IngestInputs, Landed, {}), body))
"""


class State:
    """A task state store in a file: JSON in, JSON out, and there for the next process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _all(self) -> dict[str, Any]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def _write(self, found: dict[str, Any]) -> None:
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(found))
        temporary.rename(self.path)

    def get(self, key: str) -> Any:
        return self._all().get(key)

    def set(self, key: str, value: Any) -> None:
        self._write(self._all() | {key: value})

    def delete(self, key: str) -> None:
        self._write({name: value for name, value in self._all().items() if name != key})

    @property
    def attempt(self) -> Any:
        return self.get(KEY)


class Step(SparkStepOperator):
    """A step whose script is the test's own."""

    script: Path

    def job(self, context: Any) -> Job:
        return replace(super().job(context), script=self.script)


@dataclass
class World:
    """One run's step, try after try.

    Attributes:
        server: the cluster's REST server.
        folder: of the test.
        drivers: ids that the cluster gives, in order.
    """

    server: FrozenServer
    folder: Path
    drivers: list[str] = field(default_factory=lambda: [f"driver-20160630200000-000{number}" for number in range(9)])

    def __post_init__(self) -> None:
        self.state = State(self.folder / "state.json")
        (self.folder / "ingest.py").write_text(SCRIPT)
        self.server.say(CREATE, *[_created(driver) for driver in self.drivers])

    def step(self, results: list[Any] | None = None, **more: Any) -> Step:
        """The task, as a worker that knows nothing of former tries makes it."""
        found = Step(task_id="ingest", step="ingest", run=RUN, results=results or [], **more)
        found.script = self.folder / "ingest.py"
        return found

    def context(self, try_number: int = 1) -> Any:
        return {"task_state_store": self.state, "ti": SimpleNamespace(try_number=try_number)}

    def deferred(self, step: Step | None = None, try_number: int = 1) -> TaskDeferred:
        """Execute up to the deferral."""
        try:
            found = (step or self.step()).execute(self.context(try_number))
        except TaskDeferred as waiting:
            return waiting
        raise AssertionError(f"it did not wait: {found}")

    def event(self, waiting: TaskDeferred) -> dict[str, Any]:
        """What the trigger fires, made anew from what Airflow stores of it."""
        _, arguments = waiting.trigger.serialize()
        trigger = type(waiting.trigger)(**json.loads(json.dumps(arguments)))

        async def first() -> Any:
            return (await anext(trigger.run())).payload

        return asyncio.run(first())

    def resume(self, waiting: TaskDeferred, try_number: int = 1, **more: Any) -> Any:
        """The trigger's end, and the task's after it, in a new process as it were."""
        return self.step(**more).resume(self.context(try_number), self.event(waiting))

    def says(self, number: int, *answers: dict[str, Any]) -> None:
        """What the cluster answers about a driver, look by look."""
        self.server.say(f"GET /v1/submissions/status/{self.drivers[number]}", *answers)

    def kills(self, number: int, **answer: Any) -> str:
        what = f"POST /v1/submissions/kill/{self.drivers[number]}"
        self.server.say(what, {"action": "KillSubmissionResponse", "success": True} | answer)
        return what

    def created(self) -> list[dict[str, Any]]:
        """The requests that launched drivers."""
        return [body for what, body in self.server.requests if what == CREATE]

    def drive(self, number: int, wanted: str) -> int:
        """Run the driver that the request ``number`` asked for, as its node would; returns its exit status."""
        request = self.created()[number]
        arguments = request["appArgs"]
        library = arguments[arguments.index("--py-files") + 1]
        environment = request["environmentVariables"] | {"PYTHONPATH": library, "TEST_DRIVER": wanted}
        python = request["sparkProperties"]["spark.pyspark.driver.python"]
        script = request["appResource"].removeprefix("file://")
        argv = [python, script, *arguments[arguments.index("{{USER_JAR}}") + 1 :]]
        return subprocess.run(argv, env=environment, check=False, cwd=self.folder).returncode


def _created(driver: str) -> dict[str, Any]:
    return {"action": "CreateSubmissionResponse", "submissionId": driver, "success": True}


def told(state: str, **more: Any) -> dict[str, Any]:
    """A standalone master's answer."""
    return {"action": "SubmissionStatusResponse", "driverState": state, "success": True} | more


def unknown() -> dict[str, Any]:
    """What a master says of a driver that it doesn't know."""
    return {"action": "SubmissionStatusResponse", "success": False}


def lost() -> dict[str, Any]:
    """What the dispatcher says of a driver whose agent is gone."""
    text = 'state: TASK_LOST\nmessage: "health check timed out"\nslave_id {\n  value: "agent-1"\n}\n'
    return told("FINISHED", message=text)


def configure(
    folder: Path, server_url: str, monkeypatch: Any, manager: str = "standalone", registered: int = 1
) -> None:
    """The project's configuration, with the profile ``t`` for the frozen server."""
    shutil.copytree(Folders.from_env().root / "include" / "config", folder / "config")
    rest, master = f"rest_url: {server_url}", "spark://127.0.0.1:7077"
    if manager == "mesos":
        rest, master = "", server_url.replace("http://", "mesos://")
    profile = PROFILE.format(master=master, rest=rest, registered=registered)
    (folder / "config" / "clusters" / "t.yaml").write_text(profile)
    monkeypatch.setenv("AFTERBELL_CONFIG", str(folder / "config"))
    monkeypatch.setenv("AFTERBELL_HOME", str(folder / "home"))
