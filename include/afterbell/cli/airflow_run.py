"""Running a DAG through Airflow's own environment, and following what it does."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from afterbell.cli.context import Opened
from afterbell.cli.output import err, print_progress
from afterbell.cli.step_progress import Running, newest_report, shown
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import load_profile
from afterbell.cluster.secrets import require_secrets
from afterbell.config.environment import ENV, HOME
from afterbell.durations import format_duration
from afterbell.embedded.child import guarded
from afterbell.embedded.process import last_lines
from afterbell.errors import ServiceError, StepFailedError
from afterbell.run.contracts.base import Record

OnEvent = Callable[..., None]
"""Takes the parts of a line: texts, or texts with their styles (``print_text``)."""


@dataclass
class Done:
    """A DAG run that has ended.

    Attributes:
        run_id: Airflow's id.
        log: all output of the run.
        seconds: of each task, in their order.
        began: when each try of each task began, in their order; seconds since the epoch. A try that goes on after the
            triggerer has waited for its driver began before that wait.
        between: seconds from the start signal to the end, without those of the tasks.
    """

    run_id: str
    log: Path
    seconds: dict[str, float] = field(default_factory=dict)
    began: dict[str, list[float]] = field(default_factory=dict)
    between: float = 0.0


@dataclass
class Prepared:
    """A prepared run that waits for its start signal; Airflow starts meanwhile."""

    _go: Path
    _events: Path
    _log: Path
    _process: subprocess.Popen[bytes]
    _look: Callable[[str, float], str]

    def run(self, on_event: OnEvent | None) -> Done:
        """Start the run, and follow it to its end.

        Args:
            on_event: gets a line for every task that ends; None for silence.

        Raises:
            StepFailedError: a task failed on its last try.
            ServiceError: Airflow itself failed.
        """
        began = time.monotonic()
        self._go.touch()
        follower = _Follower(self._log, on_event)
        say = print_progress if on_event and not err.is_terminal else None
        with follower.status, shown(follower.running, self._look, follower.show, say):
            for event in _tail(self._events, self._process):
                follower.take(event)
        return follower.done(self._process.returncode, time.monotonic() - began)


@contextmanager
def prepared(
    opened: Opened, dag: str, conf: Mapping[str, object], profile: str, *, answer: str = "Reject"
) -> Iterator[Prepared]:
    """Start Airflow for a run of ``dag`` that waits for its start signal; it ends with the block at the latest.

    Args:
        opened: stores that answer.
        dag: its id.
        conf: its parameters, JSON values; its session, where it has one, goes into the name of the log.
        profile: the cluster profile that the Spark connection names.
        answer: given wherever a task asks a person, ``Approve`` or ``Reject``.
    """
    home = opened.folders.home
    day = f"-{conf['session']}" if "session" in conf else ""
    name = f"{dag}{day}-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}"
    log = home / "logs" / f"{name}.log"
    events, go = log.with_suffix(".events"), log.with_suffix(".go")
    log.parent.mkdir(parents=True, exist_ok=True)
    events.touch()
    require_secrets(load_profile(profile), opened.env)
    homes = home / "airflow-run"
    env = _environment(opened, profile, homes / name)
    argv = [
        str(opened.folders.airflow_python), "-m", "afterbell.airflow.run_dag",
        "--dag", dag, "--conf", json.dumps(dict(conf)), "--events", str(events), "--answer", answer, "--go", str(go),
        "--templates", str(homes),
    ]  # fmt: skip
    try:
        with _airflow_home(homes / name), guarded(argv, env, log) as process:
            yield Prepared(
                go, events, log, process, partial(newest_report, opened.runtime.s3, session_of(conf, datetime.now(UTC)))
            )
    finally:
        go.unlink(missing_ok=True)


@contextmanager
def _airflow_home(folder: Path) -> Iterator[None]:
    """An AIRFLOW_HOME for the length of a block; those left behind by killed commands are removed.

    A lock beside the folder shows that its command is alive: process ids of other containers could be mistaken for it.
    """
    homes = folder.parent
    homes.mkdir(parents=True, exist_ok=True)
    for lock in homes.glob("*.lock"):
        with suppress(OSError), lock.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_home(lock.with_suffix(""))
    lock = Path(f"{folder}.lock")
    with lock.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        folder.mkdir()
        try:
            yield
        finally:
            _remove_home(folder)


def _remove_home(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


def session_of(conf: Mapping[str, object], now: datetime) -> str:
    """The session that the steps of a run keep their documents under.

    A range of history (it names ``steps``) has none: its day is that on which it runs.
    """
    if "steps" in conf:
        return now.date().isoformat()
    return str(conf.get("session") or conf.get("last") or now.date().isoformat())


def run_dag(
    opened: Opened,
    dag: str,
    conf: Mapping[str, object],
    profile: str,
    on_event: OnEvent | None,
    *,
    answer: str = "Reject",
) -> Done:
    """Run ``dag`` to its end at once; arguments and errors are those of ``prepared`` and ``Prepared.run``."""
    with prepared(opened, dag, conf, profile, answer=answer) as waiting:
        return waiting.run(on_event)


class RunEvent(Record):
    """One event of ``afterbell.airflow.run_dag``.

    Attributes:
        event: what happened: start, running, success, failed, skipped or end.
        at: when, in seconds since the epoch.
        task: to which task; empty for the run.
        attempt: which try began.
        seconds: that a task took.
        error: why it failed, or why the run could not be made.
        state: of the run at its end.
        run_id: Airflow's.
    """

    event: str
    at: float
    task: str = ""
    attempt: int = 0
    seconds: float = 0.0
    error: str = ""
    state: str = ""
    run_id: str = ""


class _Follower:
    """Turns events into lines and, at the end, into the outcome."""

    def __init__(self, log: Path, on_event: OnEvent | None) -> None:
        self._log = log
        self._on_event = on_event
        self._seconds: dict[str, float] = {}
        self._began: dict[str, list[float]] = {}
        self._attempts: dict[str, int] = {}
        self._in_tasks = 0.0
        self._errors: dict[str, str] = {}
        self._end: RunEvent | None = None
        self.running = Running()
        self.status = Status("Airflow starts", console=err if on_event else Console(quiet=True), spinner="dots")

    def take(self, event: RunEvent) -> None:
        """Process one event of ``afterbell.airflow.run_dag``."""
        kind, task = event.event, event.task
        if kind == "running":
            if self._attempts.get(task) != event.attempt:  # else it goes on after a wait in the triggerer
                self._attempts[task] = event.attempt
                self._began.setdefault(task, []).append(event.at)
            self.running.begin(task, event.attempt)
            self.show(f"{task} is running")
        if kind in {"success", "failed"}:
            self._in_tasks += event.seconds
            self.running.end(task)
        if kind == "success":
            self._seconds[task] = event.seconds
            self._say("  ", ("✓", "green"), f" {task:<12} {format_duration(event.seconds):>11}")
        elif kind == "skipped":
            self._say("  ", ("-", "dim"), f" {task:<12} nothing to do")
        elif kind == "failed":
            self._errors[task] = event.error
            self._say("  ", ("✗", "red"), f" {task:<12} {format_duration(event.seconds):>11}")
        elif kind == "end":
            self._end = event

    def show(self, text: str) -> None:
        """Show ``text`` in place of the text before, on a terminal only."""
        self.status.update(escape(text))

    def _say(self, *parts: str | tuple[str, str]) -> None:
        if self._on_event:
            self._on_event(*parts)

    def done(self, status: int | None, took: float) -> Done:
        """The outcome after ``took`` seconds; raises the error of a run that failed."""
        if status == 0 and self._end is not None and self._end.state == "success":
            between = took - self._in_tasks
            return Done(self._end.run_id, self._log, self._seconds, self._began, between)
        if self._errors:
            task, message = list(self._errors.items())[-1]
            raise StepFailedError(f"{message}\n(task {task!r}; the whole log: {self._log})")
        reported = self._end.error if self._end else ""
        reason = reported or f"status {status}; the end of its log:\n{last_lines(self._log)}"
        raise ServiceError(f"Airflow ended without running the DAG: {reason}\n(the whole log: {self._log})")


def _tail(events: Path, process: subprocess.Popen[bytes]) -> Iterator[RunEvent]:
    with events.open(encoding="utf-8") as stream:
        while True:
            ended = process.poll() is not None  # checked first: what was written before it ended is read below
            while line := stream.readline():
                yield RunEvent.read(line)
            if ended:
                return
            time.sleep(0.2)


def _environment(opened: Opened, profile: str, airflow_home: Path) -> dict[str, str]:
    root, home = opened.folders.root, opened.folders.home
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW", "AWS_"))}
    return (
        kept
        | connection_environment(opened.env, profile, load_profile(profile))
        | {
            # A home of its own for every run: `dag.test` deletes whatever runs of the same DAG its database has, even
            # those at work, and a deadline left behind by a run here must not be fired by a scheduler there.
            "AIRFLOW_HOME": str(airflow_home),
            "PYTHONPATH": str(opened.folders.library),
            "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            HOME: str(home),
            ENV: str(opened.folders.env),
        }
    )
