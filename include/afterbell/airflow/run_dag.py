"""Run a DAG to its end in this one process, without scheduler, API server or web page.

``python -m afterbell.airflow.run_dag --dag daily_retraining --conf '{"session": "2026-06-30"}' --events FILE`` runs
every task for real, operators, connections and Spark included. Progress goes to FILE as one JSON object a line, the
log of Airflow to standard output. Exit status 0 means that the run succeeded. ``--answer`` is the answer to a task
that asks a person.

With ``--go FILE`` the run begins when that file appears: the caller prepares other things meanwhile. With ``--templates
FOLDER`` the database is a copy of one that an earlier run has prepared there, which saves its migration.
"""

from __future__ import annotations

import gc

# Starting creates a million objects that stay: collecting garbage among them would take a quarter of the time. The
# collector runs from the first task on.
gc.disable()

import argparse  # noqa: E402 - after the line above
import hashlib  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sqlite3  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from contextlib import closing, contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import airflow  # noqa: E402
import httpx  # noqa: E402
from airflow.configuration import conf as settings  # noqa: E402
from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.listeners import hookimpl  # noqa: E402
from airflow.models import import_all_models  # noqa: E402
from airflow.sdk import DAG  # noqa: E402
from airflow.sdk.execution_time.supervisor import in_process_api_server  # noqa: E402
from airflow.sdk.listener import get_listener_manager  # noqa: E402
from sqlalchemy.orm import configure_mappers  # noqa: E402

from afterbell.airflow import prepare  # noqa: E402
from afterbell.airflow.pools import POOLS  # noqa: E402
from afterbell.stores.s3_client import read_description  # noqa: E402

_LOOK = 0.05
"""Seconds between checks for the file of ``--go``."""


class Progress:
    """Writes what happens to each task as it happens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began: dict[str, float] = {}
        self._tries: dict[str, int] = {}

    def emit(self, event: str, **fields: Any) -> None:
        """Append one event to the file."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"event": event, "at": time.time(), **fields}) + "\n")

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002
        """A try of a task began, or goes on after the triggerer has waited for its driver."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        task, attempt = task_instance.task_id, task_instance.try_number
        if self._tries.get(task) != attempt:
            self._tries[task], self._began[task] = attempt, time.monotonic()
        self.emit("running", task=task, attempt=attempt)

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002
        """A task ended well."""
        self.emit("success", task=task_instance.task_id, seconds=self._took(task_instance.task_id))

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:  # noqa: ARG002
        """A task failed; it may be tried again."""
        task = task_instance.task_id
        self.emit("failed", task=task, seconds=self._took(task), error=str(error))

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002
        """A task had nothing to do."""
        self.emit("skipped", task=task_instance.task_id, seconds=self._took(task_instance.task_id))

    def _took(self, task: str) -> float:
        return round(time.monotonic() - self._began.get(task, time.monotonic()), 2)


def prepare_database(templates: Path | None) -> None:
    """Prepare the database of this AIRFLOW_HOME: a copy of a template where there is one, else by migration.

    Args:
        templates: folder of prepared databases, each named by a digest of Airflow's version and the pools; or None.
    """
    database = Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"
    digest = hashlib.sha256(f"{airflow.__version__}, {sorted(POOLS.items())}".encode()).hexdigest()[:16]
    template = templates / f"{digest}.db" if templates else None
    if template and template.exists() and not database.exists():
        shutil.copyfile(template, database)
        return
    prepare.main()
    if template and database.exists():
        backup = database.with_suffix(".template")
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        backup.replace(template)  # another process that prepares one at the same time makes the same


def run(
    dag_id: str,
    conf: Mapping[str, object],
    events: Path,
    answer: str,
    go: Path | None = None,
    templates: Path | None = None,
) -> int:
    """Run ``dag_id`` with the parameters ``conf``, once ``go`` is there; returns the exit status."""
    progress = Progress(events)
    prepare_database(templates)
    # Before another thread starts: if it imported a model while this one maps them, each would wait for the other.
    import_all_models()  # type: ignore[no-untyped-call]
    configure_mappers()
    bag = DagBag(dag_folder=settings.get("core", "dags_folder"))
    dag = bag.dags.get(dag_id)
    if dag is None:
        broken = "; ".join(f"{name}: {text}" for name, text in bag.import_errors.items())
        progress.emit("end", state="failed", error=f"DAG {dag_id!r} cannot be loaded. {broken}")
        return 1
    get_listener_manager().add_listener(progress)  # type: ignore[no-untyped-call]
    _wake_api()
    read_description()  # of S3, which every task asks
    while go and not go.exists():
        time.sleep(_LOOK)
    progress.emit("start", dag=dag_id, conf=dict(conf))
    dag.deadline = None  # no scheduler keeps it here, and Airflow would look for its record at the end of the run
    _fill_parameters(dag, conf)
    with _answering(dag, answer):
        dag_run = dag.test(run_conf=dict(conf), logical_date=None)
    state = str(getattr(dag_run.state, "value", dag_run.state))
    progress.emit("end", state=state, run_id=dag_run.run_id)
    return 0 if state == "success" else 1


def _fill_parameters(dag: DAG, conf: Mapping[str, object]) -> None:
    """Give the parameters their values in this process's copy of the DAG.

    At the end of a run `dag.test` asks tasks for their parameters without those of the run, and fails where a value is
    missing that the form requires.
    """
    for holder in (dag, *dag.tasks):
        for name in set(holder.params) & set(conf):
            holder.params[name] = conf[name]


def _wake_api() -> None:
    """Send one request to the API of the tasks, served in this process: the first request creates it."""
    with httpx.Client(transport=in_process_api_server().transport, base_url="http://in-process.invalid./") as client:
        client.get("health").raise_for_status()


@contextmanager
def _answering(dag: DAG, answer: str) -> Iterator[None]:
    if not any(hasattr(task, "response_timeout") for task in dag.tasks):
        yield
        return
    from afterbell.airflow.auto_approval import Answers  # noqa: PLC0415 - most runs ask nothing

    answers = Answers(dag.dag_id, answer)
    answers.start()
    try:
        yield
    finally:
        answers.stop()


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="run_dag", allow_abbrev=False)
    parser.add_argument("--dag", required=True)
    parser.add_argument("--conf", required=True, type=json.loads)
    parser.add_argument("--events", required=True, type=Path)
    parser.add_argument("--answer", default="Reject", choices=("Approve", "Reject"))
    parser.add_argument("--go", type=Path)
    parser.add_argument("--templates", type=Path)
    options = parser.parse_args()
    return run(options.dag, options.conf, options.events, options.answer, options.go, options.templates)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # all is written; freeing those million objects would take another half a second
