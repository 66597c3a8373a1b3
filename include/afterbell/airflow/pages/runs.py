"""The daily runs in Airflow's own database: states, times, backfills.

The API server's plugins read it through Airflow's models, as Airflow's own do. Each query names its columns and has a
limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import Field, JsonValue, field_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from afterbell.airflow.failures import KEY as FAILURE
from afterbell.airflow.pages.security import DAG
from afterbell.errors import ConfigError
from afterbell.run.contracts.base import Record
from afterbell.run.contracts.opened import BudgetFigures
from afterbell.run.job import run_slug

_LOOKED_AT = 100
"""Newest runs that are searched for those of a session; scheduled ones of any session are found by their date."""
_OPENER = "open_run"
_NOT_YET = datetime.max.replace(tzinfo=UTC)


class Opened(Record):
    """The result of the task that opens a run, as ``afterbell.run.contracts.opened`` describes it.

    Everything may be missing: a run that was not opened yet, or was opened by another version, has a line as well.
    """

    session: str = ""
    run_id: str = ""
    deadline: str = ""
    origin: str = ""
    budgets: BudgetFigures | None = None
    experiment: str = ""
    request: Mapping[str, JsonValue] = Field(default_factory=dict)
    by: str = ""
    note: str | None = None
    promote: bool | None = None

    @field_validator("budgets", mode="before")
    @classmethod
    def _of_seconds_alone(cls, given: object) -> object:
        # Early versions recorded the seconds alone.
        return {"seconds": given} if isinstance(given, dict) and "seconds" not in given else given

    @classmethod
    def of(cls, document: object) -> Opened:
        """Read the result; empty if it can't be read."""
        try:
            return cls.read(document)
        except ConfigError:
            return cls()


NOTHING = Opened()
"""Of a run that has not been opened."""


class FailureReport(Record):
    """Why a task failed, as its last try reported it (``afterbell.airflow.failures``)."""

    task: str = ""
    kind: str = ""
    what: str = ""
    where: str = ""
    do: str = ""


Reports = Mapping[str, FailureReport]
"""The reports of a run, by task."""


@dataclass(frozen=True)
class Run:
    """One run of the daily DAG.

    Attributes:
        run_id: Airflow's.
        session: ISO date; empty where the run was never opened and its form names none.
        state: Airflow's: queued, running, success, failed.
        kind: scheduled, manual, backfill or another of Airflow's run types.
        started: UTC; None until the run has begun.
        ended: UTC; None until it has ended.
        opened: what ``open_run`` recorded; empty until then.
    """

    run_id: str
    session: str
    state: str
    kind: str
    started: datetime | None
    ended: datetime | None
    opened: Opened = NOTHING

    @property
    def slug(self) -> str:
        """The folder of its results; empty where its id can't have any."""
        try:
            return run_slug(self.run_id)
        except ConfigError:
            return ""


@dataclass(frozen=True)
class Task:
    """One task of a run: its state (empty: not scheduled yet), times in UTC, and which try it is."""

    name: str
    state: str
    started: datetime | None
    ended: datetime | None
    attempt: int


_COLUMNS = (
    DagRun.run_id, DagRun._state, DagRun.run_type, DagRun.start_date, DagRun.end_date, DagRun.conf,  # noqa: SLF001
    DagRun.logical_date,
)  # fmt: skip


def newest(db: Session, count: int, dag: str = DAG, opener: str = _OPENER) -> list[Run]:
    """The last ``count`` runs, newest first; of another DAG with the task that opens its runs."""
    query = select(*_COLUMNS).where(DagRun.dag_id == dag).order_by(DagRun.id.desc()).limit(count)
    return _runs(db, db.execute(query).all(), dag, opener)


def of_session(db: Session, session: date) -> list[Run]:
    """The runs of one session, newest first: scheduled and backfilled ones, and manual ones among the newest runs."""
    return of_sessions(db, [session])[session.isoformat()]


def of_id(db: Session, run_id: str) -> Run | None:
    """The run of that id; None where Airflow knows no such run."""
    query = select(*_COLUMNS).where(DagRun.dag_id == DAG, DagRun.run_id == run_id)
    runs = _runs(db, db.execute(query).all())
    return runs[0] if runs else None


def tasks(db: Session, run_id: str) -> list[Task]:
    """The tasks of a run."""
    query = select(
        TaskInstance.task_id,
        TaskInstance.state,
        TaskInstance.start_date,
        TaskInstance.end_date,
        TaskInstance.try_number,
    ).where(TaskInstance.dag_id == DAG, TaskInstance.run_id == run_id)
    return [
        Task(row.task_id, str(row.state or ""), _utc(row.start_date), _utc(row.end_date), int(row.try_number or 0))
        for row in db.execute(query.limit(_LOOKED_AT))
    ]


def failures(db: Session, run_ids: Sequence[str], dag: str = DAG) -> dict[str, Reports]:
    """The reasons why tasks failed, by run and task, as their last tries recorded them."""
    query = select(XComModel.run_id, XComModel.task_id, XComModel.value).where(
        XComModel.dag_id == dag, XComModel.key == FAILURE, XComModel.run_id.in_(run_ids)
    )
    reports: dict[str, dict[str, FailureReport]] = {}
    for row in db.execute(query.limit(_LOOKED_AT)):
        with suppress(ConfigError):
            report = FailureReport.read(XComModel.deserialize_value(row))
            reports.setdefault(row.run_id, {})[row.task_id] = report
    return dict(reports)


def of_sessions(db: Session, sessions: Sequence[date]) -> dict[str, list[Run]]:
    """The runs of several sessions (ISO), newest first, as ``of_session`` finds them."""
    first, last = min(sessions), max(sessions)
    dated = (
        select(*_COLUMNS)
        .where(
            DagRun.dag_id == DAG,
            DagRun.logical_date >= datetime.combine(first, time(), tzinfo=UTC),
            DagRun.logical_date < datetime.combine(last, time(), tzinfo=UTC) + timedelta(days=1),
        )
        .order_by(DagRun.id.desc())
        .limit(2 * _LOOKED_AT)
    )
    runs = {run.run_id: run for run in [*newest(db, _LOOKED_AT), *_runs(db, db.execute(dated).all())]}
    by_session: dict[str, list[Run]] = {session.isoformat(): [] for session in sessions}
    for run in sorted(runs.values(), key=lambda run: run.started or _NOT_YET, reverse=True):
        if run.session in by_session:
            by_session[run.session].append(run)
    return by_session


def _runs(db: Session, rows: Sequence[Any], dag: str = DAG, opener: str = _OPENER) -> list[Run]:
    opened = _opened(db, [row.run_id for row in rows], dag, opener)
    return [
        Run(
            run_id=row.run_id,
            session=_session(row, opened.get(row.run_id, Opened())),
            state=str(row[1] or ""),
            kind=str(getattr(row.run_type, "value", row.run_type)),
            started=_utc(row.start_date),
            ended=_utc(row.end_date),
            opened=opened.get(row.run_id, Opened()),
        )
        for row in rows
    ]


def _opened(db: Session, run_ids: Sequence[str], dag: str, opener: str) -> dict[str, Opened]:
    """The result of the task that opens a run, by run."""
    query = select(XComModel.run_id, XComModel.value).where(
        XComModel.dag_id == dag,
        XComModel.task_id == opener,
        XComModel.key == "return_value",
        XComModel.run_id.in_(run_ids),
    )
    values = {row.run_id: XComModel.deserialize_value(row) for row in db.execute(query)}
    return {run_id: Opened.of(value) for run_id, value in values.items()}


def _session(row: Any, opened: Opened) -> str:
    """The opener's session; before its end the form's, and for a scheduled run the day of its logical date."""
    stated = opened.session or (row.conf if isinstance(row.conf, dict) else {}).get("session")
    if stated:
        try:
            return date.fromisoformat(str(stated)).isoformat()
        except ValueError:
            return ""
    manual = str(getattr(row.run_type, "value", row.run_type)) == "manual"
    return "" if manual or not row.logical_date else row.logical_date.astimezone(UTC).date().isoformat()


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant else None
