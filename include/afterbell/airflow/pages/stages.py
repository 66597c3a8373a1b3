"""The stages of a run: their states, times and budgets, why they failed, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.results import Folder
from afterbell.airflow.pages.runs import FailureReport, Reports, Run, Task
from afterbell.airflow.pages.views import FailureView, View
from afterbell.remedies import remedy
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.notes import StepFailure, StepProgress
from afterbell.run.steps import STEPS

_STAGES = ("open_run", "await_drops", *STEPS)
_NEVER_RAN = {"upstream_failed", "skipped", "removed"}
_DONE = {"success", "failed"}
FAILED = {"failed", "up_for_retry"}
UNDER_WAY = {"queued", "running", "deferred", "scheduled", "up_for_retry", "up_for_reschedule", "restarting"}
"""Airflow's states of runs and tasks that end by themselves."""


class StageResult(Result):
    """The result of a stage, as far as the page shows it; early versions named the pages of Spark."""

    noop: bool = False
    spark_ui: str | None = None
    history_url: str | None = None


class ProgressView(View):
    """How far a running stage is, how fast, and when it will be done.

    Attributes:
        what: is counted.
        done: of them.
        of: all of them.
        percent: the same.
        per_minute: None before there is anything to count.
        finish: ISO instant; None likewise.
    """

    what: str
    done: int
    of: int
    percent: float
    per_minute: float | None
    finish: str | None


class StageView(View):
    """A stage of a run.

    Attributes:
        step: its name.
        state: Airflow's; empty where it is not scheduled yet.
        started: ISO instant.
        ended: likewise, of one that is done.
        seconds: that it took.
        budget: seconds that it may take.
        attempt: which try it is.
        noop: whether there was nothing to do.
        spark_ui: the address of Spark's page.
        failure: why it failed.
        progress: how far it is.
    """

    step: str
    state: str
    started: str | None
    ended: str | None
    seconds: float | None
    budget: float | None
    attempt: int | None
    noop: bool
    spark_ui: str | None
    failure: FailureView | None = None
    progress: ProgressView | None = None


def stages_of(
    run: Run | None,
    tasks: Sequence[Task],
    stored: Folder,
    failures: Reports,
    now: datetime,
) -> list[StageView]:
    """The stages of a run in their order, tasks besides them last; those that may still come are shown empty."""
    known = {task.name: task for task in tasks}
    others = sorted(set(known) - set(_STAGES))
    budgets = budgets_of(run)
    shown = [name for name in (*_STAGES, *others) if known or name in stored.names or name in STEPS]
    return [
        _with_state(_stage(name, known.get(name), stored, budgets.get(name)), stored, failures, now) for name in shown
    ]


def _with_state(stage: StageView, stored: Folder, failures: Reports, now: datetime) -> StageView:
    """The stage with the reason of its failure, or with its progress."""
    name, failed, running = stage.step, stage.state in FAILED, stage.state == "running"
    left = stored.document(f"{name}.failure", StepFailure) if failed else None
    report = stored.document(f"{name}.progress", StepProgress) if running else None
    return stage.model_copy(
        update={
            "failure": failure(failures.get(name), left) if failed else None,
            "progress": progress(report, clock.instant(stage.started), now),
        }
    )


def _stage(name: str, task: Task | None, stored: Folder, budget: float | None) -> StageView:
    result = stored.document(name, StageResult) or StageResult()
    failed = stored.document(f"{name}.failure", StepFailure)
    if task is not None and task.state in _NEVER_RAN:
        started, ended, state = None, None, task.state
    elif task is not None:
        started, ended, state = task.started, task.ended, task.state
    elif failed and not stored.has(name):  # of a run outside this Airflow
        started, ended, state = _utc(failed.started_at), _utc(failed.failed_at), "failed"
    else:
        started, ended = _utc(result.started_at), _utc(result.finished_at)
        state = "success" if stored.has(name) else ""
    return StageView(
        step=name,
        state=state,
        started=iso(started),
        ended=iso(ended if state in _DONE else None),
        seconds=seconds_between(started, ended) if state in _DONE else None,
        budget=budget,
        attempt=task.attempt if task else None,
        noop=result.noop,
        spark_ui=_address(result.spark_ui or result.history_url),
    )


def failure(reported: FailureReport | None, stored: StepFailure | None) -> FailureView:
    """Why a task failed: as it reported to Airflow, else as its driver recorded in the store; else where to look."""
    if reported:
        return FailureView(kind=reported.kind, what=reported.what, where=reported.where, do=reported.do)
    if stored:
        return FailureView(kind=stored.kind, what=stored.message, where="", do=remedy(stored.kind))
    return FailureView(
        kind="",
        what="The task recorded no reason: its worker was lost, or a user marked it as failed.",
        where="",
        do="Read its log; then clear the task, or start the run again.",
    )


def progress(report: StepProgress | None, started: datetime | None, now: datetime) -> ProgressView | None:
    """How far a stage that began at ``started`` is, and when it will be done; None before its first report."""
    began, reported = (_utc(report.began), _utc(report.at)) if report else (None, None)
    if not (report and began and reported and report.of > 0) or (started and reported < started):
        return None  # the report of an earlier try stays there
    done, total = report.done, report.of
    seconds = (reported - began).total_seconds()
    rate = done / seconds if seconds > 0 and done > 0 else None
    finish = max(now, reported + timedelta(seconds=(total - done) / rate)) if rate else None
    return ProgressView(
        what=report.what or "parts",
        done=done,
        of=total,
        percent=round(100 * done / total, 1),
        per_minute=round(60 * rate, 3) if rate else None,
        finish=iso(finish),
    )


def budgets_of(run: Run | None) -> dict[str, float]:
    """Seconds that each stage may take, by its name; none where the run was given none."""
    budgets = run.opened.budgets if run else None
    return {name: float(value) for name, value in budgets.seconds.items()} if budgets else {}


def seconds_between(started: datetime | None, ended: datetime | None) -> float | None:
    """Seconds from start to end; None where one of them is missing."""
    return round((ended - started).total_seconds(), 1) if started and ended else None


def iso(instant: datetime | None) -> str | None:
    """An instant for JSON."""
    return instant.isoformat() if instant else None


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant and instant.tzinfo else None


def _address(value: object) -> str | None:
    """An address that is safe in a link: never a script, whatever the document holds."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None
