"""Tonight: a session's run against its deadline, stage by stage; pure, out of the data of Airflow and the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.clock import SessionView
from afterbell.airflow.pages.results import (
    FORECAST,
    Folder,
    QualityView,
    SinceView,
    VerdictView,
    quality,
    since,
    verdict,
)
from afterbell.airflow.pages.runs import FailureReport, Reports, Run, Task
from afterbell.airflow.pages.views import FailureView, View
from afterbell.remedies import remedy
from afterbell.run.contracts.base import Record
from afterbell.run.contracts.daily import Result
from afterbell.run.contracts.notes import ForecastEntry, StepFailure, StepProgress
from afterbell.run.steps import STEPS, TRAIN

STAGES = ("open_run", "await_drops", *STEPS)
_NEVER_RAN = {"upstream_failed", "skipped", "removed"}
_DONE = {"success", "failed"}
FAILED = {"failed", "up_for_retry"}
UNDER_WAY = {"queued", "running", "deferred", "scheduled", "up_for_retry", "up_for_reschedule", "restarting"}
"""Airflow's states of runs and tasks that end by themselves."""


class StageResult(Result):
    """What a stage shows of its result; early versions named the pages of Spark."""

    noop: bool = False
    spark_ui: str | None = None
    history_url: str | None = None


class RunForecasts(Record):
    """The forecasts of a run, without the newest on top, which early versions did not write."""

    entries: tuple[ForecastEntry, ...] = ()


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


class RunView(View):
    """The run of a session.

    Attributes:
        run_id: Airflow's; None outside it.
        slug: its folder in the store.
        state: Airflow's.
        kind: where it came from.
        started: ISO instant.
        ended: likewise.
        seconds: from there to there, or to now.
        deadline: ISO instant.
        replayed: whether that counts from the start of the run.
        left_seconds: from the end, or now, to the deadline.
    """

    run_id: str | None
    slug: str
    state: str
    kind: str
    started: str | None
    ended: str | None
    seconds: float | None
    deadline: str
    replayed: bool
    left_seconds: int


class ForecastView(View):
    """The finish of a run (ISO instant) as it was seen at a step, and the seconds from there to the deadline."""

    at: str
    step: str
    finish: str
    slack: float | None


class TonightPage(View):
    """The page of one run.

    Attributes:
        now: ISO instant.
        calendar: the session.
        run: the run.
        stages: its stages, in their order.
        refresh: seconds after which the page is worth loading again.
        forecast: of its finish.
        left_out: by policy, or because it could not be trained.
        verdict: of the gate.
        since: what changed since the session before.
        quality: of the data.
        has_report: whether there is a report.
        has_quality: whether there is a quality report.
    """

    now: str
    calendar: SessionView
    run: RunView
    stages: tuple[StageView, ...]
    refresh: int | None
    forecast: ForecastView | None
    left_out: tuple[str, ...]
    verdict: VerdictView | None
    since: SinceView | None
    quality: QualityView
    has_report: bool
    has_quality: bool


def chosen(session: date, newest: Sequence[Run]) -> str:
    """The session that the page opens with: one whose run is under way, else that of the calendar (ISO dates)."""
    running = [run.session for run in newest if run.state == "running" and run.session]
    return session.isoformat() if session.isoformat() in running or not running else running[0]


def page(
    session: date,
    now: datetime,
    run: Run | None,
    tasks: Sequence[Task],
    folder: Folder | None,
    failures: Reports,
) -> TonightPage:
    """The data of the page of one run; times are ISO instants in UTC.

    Args:
        session: of the run.
        now: the time.
        run: as Airflow knows it; None where it knows no such run.
        tasks: of that run.
        folder: results of its steps in the store; None where nothing is there yet, or the store can't be read.
        failures: why tasks failed, by task, as they reported it to Airflow.
    """
    stored = folder or Folder("", "", frozenset(), now)
    stages = _stages(run, tasks, stored, failures, now)
    started = _first_start(run, stages)
    ended = _last_end(run, stages)
    deadline, replayed = clock.deadline(session, started, run.opened.deadline if run else "")
    state = run.state if run else _state(stages)
    arrived = ended if state == "success" and ended else now  # only a successful run can have been in time
    return TonightPage(
        now=now.isoformat(),
        calendar=clock.described(session),
        run=RunView(
            run_id=run.run_id if run else None,
            slug=run.slug if run else stored.slug,
            state=state,
            kind=run.opened.origin or run.kind if run else "outside this Airflow",
            started=_iso(started),
            ended=_iso(ended),
            seconds=_seconds(started, ended or now),
            deadline=deadline.isoformat(),
            replayed=replayed,
            left_seconds=round((deadline - arrived).total_seconds()),
        ),
        stages=tuple(stages),
        refresh=_refresh(state, stages),
        forecast=_estimate(run, stages, now, deadline) or _forecast(_forecasts(stored)),
        left_out=tuple(_left_out(stored)),
        verdict=verdict(stored),
        since=since(stored),
        quality=quality(stored),
        has_report="evaluate" in stored.names,
        has_quality="quality" in stored.names,
    )


def _stages(
    run: Run | None,
    tasks: Sequence[Task],
    stored: Folder,
    failures: Reports,
    now: datetime,
) -> list[StageView]:
    known = {task.name: task for task in tasks}
    others = sorted(set(known) - set(STAGES))
    budgets = _budgets(run)
    shown = [name for name in (*STAGES, *others) if known or name in stored.names or name in STEPS]
    return [
        _with_state(_stage(name, known.get(name), stored, budgets.get(name)), stored, failures, now) for name in shown
    ]


def _with_state(stage: StageView, stored: Folder, failures: Reports, now: datetime) -> StageView:
    """The stage with the reason of its failure, or with its progress."""
    name, failed, running = stage.step, stage.state in FAILED, stage.state == "running"
    left, report = stored.document(f"{name}.failure", StepFailure), stored.document(f"{name}.progress", StepProgress)
    return stage.model_copy(
        update={
            "failure": failure(failures.get(name), left) if failed else None,
            "progress": progress(report, clock.instant(stage.started), now) if running else None,
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
        started=_iso(started),
        ended=_iso(ended if state in _DONE else None),
        seconds=_seconds(started, ended) if state in _DONE else None,
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
        what="The task left no reason: its worker was lost, or somebody marked it as failed.",
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
        finish=_iso(finish),
    )


def _estimate(run: Run | None, stages: Sequence[StageView], now: datetime, deadline: datetime) -> ForecastView | None:
    """The finish by the progress of the stage under way, with the budgets of those after it."""
    names = [stage.step for stage in stages]
    for number, stage in enumerate(stages):
        stage_finish = clock.instant(stage.progress.finish if stage.progress else None)
        if stage_finish:
            budgets = _budgets(run)
            if any(name not in budgets for name in names[number + 1 :]):
                return None
            finish = stage_finish + timedelta(seconds=sum(budgets[name] for name in names[number + 1 :]))
            return ForecastView(
                at=now.isoformat(),
                step=stage.step,
                finish=finish.isoformat(),
                slack=round((deadline - finish).total_seconds(), 1),
            )
    return None


def _refresh(state: str, stages: Sequence[StageView]) -> int | None:
    """Seconds after which the page is worth loading again; None where nothing changes by itself."""
    return 5 if state in UNDER_WAY or any(stage.state in UNDER_WAY for stage in stages) else None


def _budgets(run: Run | None) -> dict[str, float]:
    budgets = run.opened.budgets if run else None
    return {name: float(value) for name, value in budgets.seconds.items()} if budgets else {}


def _forecasts(stored: Folder) -> tuple[ForecastEntry, ...]:
    """The forecasts that the run made at its steps."""
    document = stored.document(FORECAST, RunForecasts)
    return document.entries if document else ()


def _forecast(forecasts: Sequence[ForecastEntry]) -> ForecastView | None:
    """The last of the forecasts."""
    if not forecasts:
        return None
    last = forecasts[-1]
    return ForecastView(at=last.at.isoformat(), step=last.step, finish=last.finish.isoformat(), slack=last.slack)


def _left_out(stored: Folder) -> list[str]:
    """What policy left out, and what training skipped, as text."""
    trained, forecasts = stored.result(TRAIN), _forecasts(stored)
    lines = list(trained.left_out) if trained else []
    if not lines and forecasts:  # training has no result yet
        lines = [f"by the forecast: {measure}" for measure in forecasts[-1].left_out]
    lines += [f"not trained: {fit}" for fit in trained.skipped] if trained else []
    return list(dict.fromkeys(lines))


def _first_start(run: Run | None, stages: Sequence[StageView]) -> datetime | None:
    if run and run.started:
        return run.started
    return min((moment for stage in stages if (moment := clock.instant(stage.started))), default=None)


def _last_end(run: Run | None, stages: Sequence[StageView]) -> datetime | None:
    if run:
        return run.ended
    return max((moment for stage in stages if (moment := clock.instant(stage.ended))), default=None)


def _state(stages: Sequence[StageView]) -> str:
    if any(stage.state == "failed" for stage in stages):
        return "failed"
    done = [stage.step for stage in stages if stage.state == "success"]
    if not done:
        return ""
    return "success" if STEPS[-1] in done else "incomplete"


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return round((ended - started).total_seconds(), 1) if started and ended else None


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant and instant.tzinfo else None


def _address(value: object) -> str | None:
    """An address that may stand in a link: never a script, whatever the document holds."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None
