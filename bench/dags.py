"""DAGs run on command in Airflow's own environment: a JSON line in, a JSON line out.

The process is Airflow's from the start: what a scheduler that runs already would not spend, no figure counts. Tasks are
run for real, one after the other, operators, connections and Spark's starts included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import load_profile
from afterbell.config.platform import Folders, load_platform
from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore


class Installation:
    """A lake, an artifact bucket and an Airflow of its own beside stores that are there; use it in a ``with`` block.

    Attributes:
        runtime: its stores.
    """

    def __init__(self, stores: Mapping[str, str], name: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"bench-{name}-")
        home, set_up = Path(self._folder.name), Folders.from_env()
        lake = load_platform().lake_location(home)
        self.env = {
            **stores,
            "AFTERBELL_HOME": str(home),
            "AFTERBELL_ENV": str(set_up.env),
            "AFTERBELL_LAKE_CATALOG": lake.catalog,
            "AFTERBELL_LAKE_WAREHOUSE": lake.warehouse,
            "AFTERBELL_ARTIFACT_BUCKET": f"artifacts-{name}",
        }
        self.runtime = Runtime.from_env(self.env)
        keys = (stores["AWS_ACCESS_KEY_ID"], stores["AWS_SECRET_ACCESS_KEY"])
        ArtifactStore(self.runtime.s3, keys=keys).ensure_bucket()
        (home / "lake").mkdir()
        self._log = home / "airflow.log"
        self._airflow = _environment(set_up, home, self.env)
        self._argv = [str(set_up.airflow_python), "-m", "bench.dags"]
        _run([self._argv[0], "-m", "airflow", "db", "migrate"], self._airflow, self._log)
        self._process = subprocess.Popen(
            self._argv, env=self._airflow, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log.open("a"), text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Airflow is being started."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End it; at once, where the measurement failed."""
        if kind is not None:
            self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def start(self, dag: str, conf: Mapping[str, Any], leave_out: str = "") -> None:
        """Begin a run; tasks whose ids match ``leave_out`` are taken for done."""
        if self._process.stdin is not None:
            print(json.dumps({"dag": dag, "conf": conf, "leave_out": leave_out}), file=self._process.stdin, flush=True)

    def end(self) -> dict[str, float]:
        """Wait for the end of the run; the seconds of its tasks.

        Raises:
            RuntimeError: it failed.
        """
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        result: dict[str, Any] = json.loads(line) if line else {"state": "dead"}
        if result["state"] != "success":
            raise RuntimeError(f"the run {result}: {self._log.read_text(errors='replace')[-3000:]}")
        seconds: dict[str, float] = result["seconds"]
        return seconds

    def run(self, dag: str, conf: Mapping[str, Any], leave_out: str = "") -> dict[str, float]:
        """Begin a run and wait for its end."""
        self.start(dag, conf, leave_out)
        return self.end()


def _environment(folders: Folders, home: Path, env: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW", "AWS_"))}
    return {
        **kept,
        **connection_environment(env, "local", load_profile("local")),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folders.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folders.root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AFTERBELL_HOME": str(home),
        "AFTERBELL_ENV": str(folders.env),
        "PYTHONPATH": f"{folders.root / 'include'}:{folders.root}",
    }


def _run(argv: list[str], env: Mapping[str, str], log: Path) -> None:
    with log.open("a") as stream:
        subprocess.run(argv, env=dict(env), stdout=stream, stderr=stream, check=True)


def main() -> None:
    """Run commands until the input ends; this runs in Airflow's environment."""
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 - that environment alone has it
    from airflow.listeners import hookimpl  # noqa: PLC0415
    from airflow.sdk.listener import get_listener_manager  # noqa: PLC0415

    class Clock:
        """The seconds of each task that succeeds."""

        def __init__(self) -> None:
            self.began: dict[str, float] = {}
            self.seconds: dict[str, float] = {}

        @hookimpl
        def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002
            """A task began."""
            self.began.setdefault(task_instance.task_id, time.monotonic())

        @hookimpl
        def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002
            """A task succeeded."""
            task = task_instance.task_id
            self.seconds[task] = time.monotonic() - self.began.get(task, time.monotonic())

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # other output must not mix with the results
    bag, clock = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]), Clock()
    get_listener_manager().add_listener(clock)
    for line in sys.stdin:
        command = json.loads(line)
        clock.began.clear()
        clock.seconds.clear()
        dag = bag.dags[command["dag"]]
        dag.deadline = None  # no scheduler keeps it here, and Airflow would look for its record at the end of the run
        dag_run = dag.test(
            run_conf=command["conf"], logical_date=None, mark_success_pattern=command["leave_out"] or None
        )
        state = str(getattr(dag_run.state, "value", dag_run.state))
        print(json.dumps({"state": state, "seconds": clock.seconds}), file=answers, flush=True)


if __name__ == "__main__":
    main()
