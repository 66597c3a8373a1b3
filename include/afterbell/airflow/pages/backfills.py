"""Backfills: Airflow's own, one run a session, and those of a range, whose documents lie in the artifact store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from airflow.models.backfill import Backfill, BackfillDagRun
from airflow.models.dagrun import DagRun
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from afterbell.airflow.pages import runs
from afterbell.airflow.pages.documents import Document, Documents
from afterbell.airflow.pages.runs import FailureReport
from afterbell.airflow.pages.security import DAG
from afterbell.airflow.pages.views import View
from afterbell.backfill.documents import PREFIX, BackfillAttempt, BackfillPlan, BackfillRecord, ChunkState, State
from afterbell.run.contracts.base import stored_as

HISTORY = "backfill_history"
"""The DAG of backfills of a range."""
COUNT = 15
"""Backfills of each kind on the page."""
_KEY = re.compile(PREFIX + r"(?P<id>\d{8}-\d{8}-[0-9a-f]{8})/(?P<name>request|plan|state)\.json")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class NativeView(View):
    """One of Airflow's own backfills: its days, when it was created and completed, and its runs by state."""

    id: int
    first: str
    last: str
    created: str
    completed: str | None
    paused: bool
    by: str
    runs: Mapping[str, int]


class RangeView(View):
    """A backfill of a range.

    Attributes:
        id: its id.
        faults: why its documents can't be read.
        first: ISO date.
        last: ISO date.
        reason: why.
        by: who requested it.
        requested_at: ISO instant.
        steps: that were requested.
        sessions: of the range.
        planned_seconds: expected for all of it.
        state: see ``standing``.
        run_id: of its last run.
        chunks_done: parts that are done.
        chunks_in_all: all of them.
        failed: the errors of those that failed.
        rows: written.
        seconds: that they took.
        waited: seconds of these in which they waited for a daily run.
        failures: of the tasks of its last run, if that failed.
    """

    id: str
    faults: tuple[str, ...]
    first: str
    last: str
    reason: str
    by: str
    requested_at: Annotated[str | None, stored_as("asked_at")]
    steps: tuple[str, ...]
    sessions: int | None
    planned_seconds: float | None
    state: str
    run_id: str | None
    chunks_done: int
    chunks_in_all: int
    failed: tuple[str, ...]
    rows: int
    seconds: float
    waited: float
    failures: tuple[FailureReport, ...] = ()


class StaleView(View):
    """A factor set, and how many stored sessions of it stay as they are."""

    set: str
    sessions: int


class RangeDetails(RangeView):
    """A backfill of a range with its plan, each of its chunks and attempts, and what is missing or stale."""

    plan: BackfillPlan | None
    chunks: tuple[ChunkState, ...]
    attempts: tuple[BackfillAttempt, ...]
    missing: tuple[str, ...]
    stale: tuple[StaleView, ...]


def native(db: Session) -> list[NativeView]:
    """Airflow's last backfills of the daily DAG, newest first, each with the states of its runs."""
    query = select(
        Backfill.id, Backfill.from_date, Backfill.to_date, Backfill.created_at, Backfill.completed_at,
        Backfill.is_paused, Backfill.triggering_user_name,
    ).where(Backfill.dag_id == DAG).order_by(Backfill.id.desc()).limit(COUNT)  # fmt: skip
    rows = db.execute(query).all()
    states = _states(db, [row.id for row in rows])
    return [
        NativeView(
            id=row.id,
            first=row.from_date.astimezone(UTC).date().isoformat(),
            last=row.to_date.astimezone(UTC).date().isoformat(),
            created=row.created_at.astimezone(UTC).isoformat(),
            completed=row.completed_at.astimezone(UTC).isoformat() if row.completed_at else None,
            paused=bool(row.is_paused),
            by=str(row.triggering_user_name or ""),
            runs=states.get(row.id, {}),
        )
        for row in rows
    ]


def _states(db: Session, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """The number of runs of each backfill by state; runs that were not made count under their reason."""
    state = func.coalesce(DagRun._state, BackfillDagRun.exception_reason, "not made")  # noqa: SLF001 - the column
    query = (
        select(BackfillDagRun.backfill_id, state.label("state"), func.count().label("runs"))
        .join(DagRun, DagRun.id == BackfillDagRun.dag_run_id, isouter=True)
        .where(BackfillDagRun.backfill_id.in_(ids))
        .group_by(BackfillDagRun.backfill_id, state)
    )
    counts: dict[int, dict[str, int]] = {}
    for row in db.execute(query):
        counts.setdefault(row.backfill_id, {})[str(row.state)] = row.runs
    return counts


def ranges(documents: Documents, db: Session) -> list[RangeView]:
    """The backfills of a range that changed last, newest first; one listing, and three documents of each."""
    changed: dict[str, datetime] = {}
    for stored in documents.listings([PREFIX])[PREFIX]:
        if match := _KEY.fullmatch(stored.key):
            changed[match["id"]] = max(changed.get(match["id"], _BEGINNING), stored.modified or _BEGINNING)
    ids = sorted(changed, key=lambda backfill_id: changed[backfill_id], reverse=True)[:COUNT]
    contents = documents.documents(key for backfill_id in ids for key in _keys(backfill_id).values())
    return _with_runs(db, [_line(backfill_id, contents) for backfill_id in ids])


def one(documents: Documents, db: Session, backfill_id: str) -> RangeDetails | None:
    """One backfill of a range with each of its chunks; None where the id, which was checked, is not known."""
    contents = documents.documents(_keys(backfill_id).values())
    if not contents:
        return None
    state = _parsed(State, contents, backfill_id, "state")
    plan = _parsed(BackfillPlan, contents, backfill_id, "plan")
    line = _with_runs(db, [_line(backfill_id, contents)])[0]
    known = isinstance(state, State)
    return RangeDetails(
        **{name: getattr(line, name) for name in RangeView.model_fields},
        plan=plan if isinstance(plan, BackfillPlan) else None,
        chunks=tuple(_whole(chunk) for chunk in state.chunks) if known else (),
        attempts=state.attempts if known else (),
        missing=tuple(day.isoformat() for day in plan.ingest.missing)
        if isinstance(plan, BackfillPlan) and plan.ingest
        else (),
        stale=tuple(
            StaleView(set=factors.name, sessions=len(factors.stale))
            for factors in (plan.features if isinstance(plan, BackfillPlan) else ())
            if factors.stale
        ),
    )


def _whole(chunk: ChunkState) -> ChunkState:
    """The same with every field set, so that the page's JSON has them all."""
    return chunk.model_copy(update={name: getattr(chunk, name) for name in ChunkState.model_fields})


def _with_runs(db: Session, lines: Sequence[tuple[RangeView, bool]]) -> list[RangeView]:
    """The same lines; Airflow's state of the last run of each is merged into the state that the documents give.

    Each comes with whether its plan has parts that were not worked on yet.
    """
    ids = [line.run_id for line, _ in lines if line.run_id]
    query = select(DagRun.run_id, DagRun._state).where(DagRun.dag_id == HISTORY, DagRun.run_id.in_(ids))  # noqa: SLF001
    states = {row.run_id: str(row[1] or "") for row in db.execute(query).all()}
    failures = runs.failures(db, ids, HISTORY)
    merged = []
    for line, unfinished in lines:
        run_id = line.run_id or ""
        state = standing(line.state, states.get(run_id, ""), unfinished=unfinished)
        reports = failures.get(run_id, {}) if state == "failed" else {}
        own = tuple(report.model_copy(update={"task": task}) for task, report in sorted(reports.items()))
        merged.append(line.model_copy(update={"state": state, "failures": own}))
    return merged


def standing(word: str, run: str, *, unfinished: bool) -> str:
    """``planned``, ``running``, ``waiting`` (for a daily run), ``cancelled``, ``failed``, ``done`` or ``nothing``.

    Args:
        word: the state that the documents give.
        run: the state of its last run in Airflow; empty where Airflow knows none, such as one at the command line.
        unfinished: whether the plan has parts that were not worked on yet.
    """
    if run in {"queued", "running"}:
        return "waiting" if word == "waiting" else "running"
    if run == "failed":
        # A backfill may have been cancelled before its driver recorded anything.
        return "failed" if word in {"failed", "planned"} else "cancelled"
    return "running" if word == "done" and unfinished and not run else word


def _keys(backfill_id: str) -> dict[str, str]:
    return {name: f"{PREFIX}{backfill_id}/{name}.json" for name in ("request", "plan", "state")}


def _parsed(
    kind: type[BackfillRecord | BackfillPlan | State], contents: Mapping[str, Document], backfill_id: str, name: str
) -> Any:
    """The document, None where it is missing, or the reason why it can't be read."""
    body = contents.get(_keys(backfill_id)[name])
    if body is None:
        return None
    try:
        return kind.model_validate_json(json.dumps(body))  # pydantic reads dates out of JSON alone
    except ValidationError as error:
        return f"{_keys(backfill_id)[name]} can't be read: {error.error_count()} of its fields are not as expected"


def _line(backfill_id: str, contents: Mapping[str, Document]) -> tuple[RangeView, bool]:
    record = _parsed(BackfillRecord, contents, backfill_id, "request")
    plan, state = _parsed(BackfillPlan, contents, backfill_id, "plan"), _parsed(State, contents, backfill_id, "state")
    faults = [document for document in (record, plan, state) if isinstance(document, str)]
    recorded, known = isinstance(record, BackfillRecord), isinstance(state, State)
    planned = isinstance(plan, BackfillPlan)
    chunks: Sequence[ChunkState] = state.chunks if known else ()
    line = RangeView(
        id=backfill_id,
        faults=tuple(faults),
        first=f"{backfill_id[:4]}-{backfill_id[4:6]}-{backfill_id[6:8]}",
        last=f"{backfill_id[9:13]}-{backfill_id[13:15]}-{backfill_id[15:17]}",
        reason=record.reason if recorded else "",
        by=record.requested_by if recorded else "",
        requested_at=record.requested_at.isoformat() if recorded else None,
        steps=record.request.steps if recorded else (),
        sessions=plan.sessions if planned else None,
        planned_seconds=plan.seconds if planned else None,
        state=state.word() if known else "planned",
        run_id=state.attempts[-1].run_id if known and state.attempts else None,
        chunks_done=sum(chunk.state in {"done", "nothing"} for chunk in chunks),
        chunks_in_all=len({(chunk.step, chunk.number) for chunk in chunks} | _parts(plan)),
        failed=tuple(chunk.message for chunk in chunks if chunk.state == "failed"),
        rows=sum(chunk.rows for chunk in chunks),
        seconds=round(sum(chunk.seconds for chunk in chunks), 1),
        waited=round(sum(chunk.waited for chunk in chunks), 1),
    )
    return line, planned and known and _unfinished(plan, state)


def _unfinished(plan: BackfillPlan, state: State) -> bool:
    finished = {(chunk.step, chunk.number) for chunk in state.chunks if chunk.state in {"done", "nothing"}}
    return bool(_parts(plan) - finished)


def _parts(plan: object) -> set[tuple[str, int]]:
    """The steps of chunks that the plan has work for."""
    if not isinstance(plan, BackfillPlan):
        return set()
    has_work = {"ingest": plan.ingest is not None, "features": bool(plan.features)}
    return {
        (step, chunk.number)
        for chunk in plan.chunks
        for step, needed in has_work.items()
        if needed and chunk.wants(step)
    }
