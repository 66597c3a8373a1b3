"""Routes of what people start: backfills and experiments."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from afterbell.airflow.pages import backfills, clock, experiment_runs, experiments, runs
from afterbell.airflow.pages.documents import fault_of, open_documents
from afterbell.airflow.pages.security import STORED, checked, headers, reads
from afterbell.airflow.pages.start import going, is_paused, may_start
from afterbell.airflow.pages.view import answer
from afterbell.airflow.pages.views import View
from afterbell.errors import AfterbellError

router = APIRouter()
_UNDER_WAY = {"running", "waiting"}
_UNDER_WAY_RUNS = {"queued", "running"}
_RECENT = 5


@router.get("/backfills", dependencies=reads(backfills.HISTORY))
def show_backfills(request: Request, db: SessionDep, user: GetUserDep, started: str = "") -> Response:
    """Airflow's own backfills, and those of a range."""
    ranges: list[backfills.RangeView] = []
    fault = ""
    try:
        ranges = backfills.ranges(open_documents(), db)
    except AfterbellError as error:
        fault = fault_of(error)
    native, newest = backfills.native(db), runs.newest(db, _RECENT, backfills.HISTORY, "open_backfill")
    runs_on = going(db, backfills.HISTORY) or any(backfill.state in _UNDER_WAY for backfill in ranges)
    runs_on = runs_on or any(not backfill.completed for backfill in native)
    started = checked("run", started) if started else ""
    started_run = next((run for run in newest if run.run_id == started), None)
    reasons = runs.failures(db, [started], backfills.HISTORY).get(started, {}) if started else {}
    return answer(request, "backfills", BackfillsPage(
        now=datetime.now(UTC).isoformat(),
        refresh=10 if runs_on else None,
        zone=clock.exchange().zone,
        native=tuple(native),
        ranges=tuple(ranges),
        fault=fault,
        history_dag=backfills.HISTORY,
        may_start=may_start(backfills.HISTORY, user),
        paused=is_paused(db, backfills.HISTORY),
        started=started,
        started_state=started_run.state if started_run else "",
        failures=tuple(report.model_copy(update={"task": task}) for task, report in sorted(reasons.items())),
    ))  # fmt: skip


class BackfillsPage(View):
    """Airflow's own backfills and those of a range, and the one that the viewer has just started."""

    now: str
    refresh: int | None
    zone: str
    native: tuple[backfills.NativeView, ...]
    ranges: tuple[backfills.RangeView, ...]
    fault: str
    history_dag: str
    may_start: bool
    paused: bool
    started: str
    started_state: str
    failures: tuple[runs.FailureReport, ...]


class BackfillPage(backfills.RangeDetails):
    """One backfill of a range."""

    now: str
    zone: str
    refresh: int | None
    history_dag: str


@router.get("/backfills/{backfill_id}", dependencies=reads(backfills.HISTORY))
def show_backfill(request: Request, db: SessionDep, backfill_id: str) -> Response:
    """One backfill of a range, chunk by chunk."""
    backfill = backfills.one(open_documents(), db, checked("backfill", backfill_id, 404))
    if backfill is None:
        raise HTTPException(404, f"backfill {backfill_id} does not exist")
    return answer(request, "backfills_one", BackfillPage(
        **{name: getattr(backfill, name) for name in backfills.RangeDetails.model_fields},
        now=datetime.now(UTC).isoformat(),
        zone=clock.exchange().zone,
        # A backfill that is started again shows only as a run until it has been planned again.
        refresh=5 if backfill.state in _UNDER_WAY or going(db, backfills.HISTORY) else None,
        history_dag=backfills.HISTORY,
    ))  # fmt: skip


class ExperimentsPage(View):
    """The last experiments, whether the viewer may start one, and why the store could not be read."""

    now: str
    refresh: int | None
    zone: str
    experiments: tuple[experiments.ExperimentLine, ...]
    experiment_dag: str
    may_start: bool
    paused: bool
    started: str
    fault: str


@router.get("/experiments", dependencies=reads(experiments.DAG))
def show_experiments(request: Request, db: SessionDep, user: GetUserDep, started: str = "") -> Response:
    """The last experiments, how far they are, and their reports."""
    now, known = datetime.now(UTC), runs.newest(db, experiments.COUNT, experiments.DAG, experiments.OPENER)
    details = experiment_runs.details(db, [run.run_id for run in known])
    paused, fault = is_paused(db, experiments.DAG), ""
    try:
        lines = experiments.page(open_documents(), known, details, now, paused=paused)
    except AfterbellError as error:
        lines, fault = experiments.page(None, known, details, now, paused=paused), fault_of(error)
    return answer(request, "experiments", ExperimentsPage(
        now=now.isoformat(),
        refresh=10 if any(run.state in _UNDER_WAY_RUNS for run in known) else None,
        zone=clock.exchange().zone,
        experiments=tuple(lines),
        experiment_dag=experiments.DAG,
        may_start=may_start(experiments.DAG, user),
        paused=paused,
        started=checked("run", started) if started else "",
        fault=fault,
    ))  # fmt: skip


@router.get("/experiments/{experiment_id}/report", dependencies=reads(experiments.DAG))
def show_experiment_report(experiment_id: str) -> Response:
    """The report of an experiment, without any right to do anything."""
    key = f"experiments/{checked('experiment', experiment_id, 404)}/report.html"
    body = open_documents().bodies([key]).get(key)
    if body is None:
        raise HTTPException(404, f"{key} does not exist: the experiment has not been evaluated yet")
    if isinstance(body, str):
        raise HTTPException(502, body)
    return Response(body, headers=headers(STORED), media_type="text/html; charset=utf-8")
