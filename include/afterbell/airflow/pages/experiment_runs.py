"""The progress of experiments: their tasks and the question to a person, out of Airflow's database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from afterbell.airflow.pages.runs import Reports, Task, failures
from afterbell.errors import ConfigError
from afterbell.run.contracts.opened import Approval

DAG = "experiment"
ASK, PROMOTE = "ask", "experiment_promote"
TASKS = (
    "open_experiment", "experiment_resolve", "features", "experiment_train", "experiment_evaluate", ASK, PROMOTE,
)  # fmt: skip
"""In their order."""
_AT_WORK = {"running", "restarting", "deferred"}
_TO_COME = {"queued", "scheduled", "up_for_reschedule"}
_LIMIT = 500
NOBODY = Approval(approved_by=None)


@dataclass(frozen=True)
class ApprovalQuestion:
    """The question to a person, and the answer.

    Attributes:
        asked_at: when, UTC.
        answered_at: when, UTC; None while nobody has.
        by: who answered; empty where nobody did in time.
        options: those that were chosen.
    """

    asked_at: datetime | None
    answered_at: datetime | None = None
    by: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Details:
    """The data of a run besides the result of its first task.

    Attributes:
        conf: the form.
        by: who started it; empty where nobody is known.
        tasks: by name.
        question: None if there was no question.
        answer: the result of the task that asks.
        failures: of tasks, as their last tries reported them.
    """

    conf: Mapping[str, JsonValue] = field(default_factory=dict)
    by: str = ""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    question: ApprovalQuestion | None = None
    answer: Approval = NOBODY
    failures: Reports = field(default_factory=dict)


def details(db: Session, run_ids: Sequence[str]) -> dict[str, Details]:
    """The details of runs, by their ids; five queries, however many they are."""
    mine = (DagRun.dag_id == DAG, DagRun.run_id.in_(run_ids))
    rows = db.execute(select(DagRun.run_id, DagRun.conf, DagRun.triggering_user_name).where(*mine)).all()
    tasks, questions, answers = _tasks(db, run_ids), _questions(db, run_ids), _answers(db, run_ids)
    reasons = failures(db, run_ids, DAG)
    return {
        row.run_id: Details(
            conf=row.conf if isinstance(row.conf, dict) else {},
            by=str(row.triggering_user_name or ""),
            tasks=tasks.get(row.run_id, {}),
            question=questions.get(row.run_id),
            answer=answers.get(row.run_id, NOBODY),
            failures=reasons.get(row.run_id, {}),
        )
        for row in rows
    }


def _tasks(db: Session, run_ids: Iterable[str]) -> dict[str, dict[str, Task]]:
    query = select(
        TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state, TaskInstance.start_date, TaskInstance.end_date,
        TaskInstance.try_number,
    ).where(TaskInstance.dag_id == DAG, TaskInstance.run_id.in_(run_ids))  # fmt: skip
    tasks: dict[str, dict[str, Task]] = {}
    for row in db.execute(query.limit(_LIMIT)):
        task = Task(
            row.task_id, str(row.state or ""), _utc(row.start_date), _utc(row.end_date), int(row.try_number or 0)
        )
        tasks.setdefault(row.run_id, {})[row.task_id] = task
    return tasks


def _questions(db: Session, run_ids: Iterable[str]) -> dict[str, ApprovalQuestion]:
    query = (
        select(
            TaskInstance.run_id, HITLDetail.created_at, HITLDetail.responded_at, HITLDetail.responded_by,
            HITLDetail.chosen_options,
        )
        .join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        .where(TaskInstance.dag_id == DAG, TaskInstance.run_id.in_(run_ids))
        .limit(_LIMIT)
    )  # fmt: skip
    return {
        row.run_id: ApprovalQuestion(
            _utc(row.created_at),
            _utc(row.responded_at),
            str((row.responded_by or {}).get("name") or ""),
            tuple(map(str, row.chosen_options or ())),
        )
        for row in db.execute(query)
    }


def _answers(db: Session, run_ids: Iterable[str]) -> dict[str, Approval]:
    query = select(XComModel.run_id, XComModel.value).where(
        XComModel.dag_id == DAG, XComModel.task_id == ASK, XComModel.key == "return_value",
        XComModel.run_id.in_(run_ids),
    )  # fmt: skip
    answers = {}
    for row in db.execute(query.limit(_LIMIT)):
        with suppress(ConfigError):
            answers[row.run_id] = Approval.read(XComModel.deserialize_value(row))
    return answers


def failed_task(run_details: Details) -> str:
    """The first task that failed; empty where none did."""
    names = [*TASKS, *sorted(set(run_details.tasks) - set(TASKS))]
    return next((name for name in names if name in run_details.tasks and run_details.tasks[name].state == "failed"), "")


def task_at_work(run_details: Details) -> Task | None:
    """The task that is running, else the one that is next."""
    tasks = [run_details.tasks[name] for name in TASKS if name in run_details.tasks]
    for states in (_AT_WORK, {"up_for_retry"}, _TO_COME):
        for task in tasks:
            if task.state in states:
                return task
    return None


def standing(state: str, run_details: Details, *, paused: bool = False) -> dict[str, str]:
    """The progress of a run in words: ``word``, ``kind`` (of the mark before it) and ``task`` (that a link leads to).

    Args:
        state: of the run, Airflow's.
        run_details: its details.
        paused: whether the DAG is.
    """
    if state == "success":
        return _label_success(run_details)
    if state == "failed":
        task = failed_task(run_details)
        return _label(f"failed: {task}" if task else "failed", "failed", task)
    if ASK in run_details.tasks and run_details.tasks[ASK].state == "awaiting_input":
        return _label("waiting for approval", "hold", ASK)
    task_now = task_at_work(run_details)
    return _label_between_tasks(state, paused=paused) if task_now is None else _label_task(task_now)


def _label_between_tasks(state: str, *, paused: bool) -> dict[str, str]:
    if paused:
        return _label("waiting: the DAG is paused", "queued")
    return _label("waiting for its turn", "queued") if state == "queued" else _label("between two steps", "running")


def _label_task(task: Task) -> dict[str, str]:
    step = f"{task.name} (step {TASKS.index(task.name) + 1} of {len(TASKS)})"
    if task.state == "up_for_retry":
        return _label(f"failed, will be retried: {step}", "up_for_retry", task.name)
    if task.state in _TO_COME:
        return _label(f"waiting for its turn: {step}", "queued", task.name)
    return _label(f"running: {step}", "running", task.name)


def _label_success(run_details: Details) -> dict[str, str]:
    """How a run that succeeded ended for the champion."""
    if PROMOTE in run_details.tasks and run_details.tasks[PROMOTE].state == "success":
        return _label(f"promoted by {run_details.answer.approved_by or 'an unknown user'}", "publish", PROMOTE)
    if run_details.answer.barred:
        return _label(f"not promoted: {run_details.answer.barred} requested it and may not approve it", "keep", ASK)
    if run_details.question is None:
        return _label("done", "success")
    if not run_details.question.by:
        return _label("done: nobody answered in time, not promoted", "keep", ASK)
    return _label(f"rejected by {run_details.question.by}", "keep", ASK)


def _label(word: str, kind: str, task: str = "") -> dict[str, str]:
    return {"word": word, "kind": kind, "task": task}


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant else None
