"""Backfills: Airflow's own, one run a session, and those of a range, whose documents lie in the artifact store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.models.backfill import Backfill, BackfillDagRun
from airflow.models.dagrun import DagRun
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from afterbell.airflow.pages import runs
from afterbell.airflow.pages.documents import Document, Documents
from afterbell.airflow.pages.security import DAG
from afterbell.backfill.documents import PREFIX, BackfillPlan, BackfillRecord, ChunkState, State

HISTORY = "backfill_history"
"""The DAG of backfills of a range."""
COUNT = 15
"""Backfills of each kind on the page."""
_KEY = re.compile(PREFIX + r"(?P<id>\d{8}-\d{8}-[0-9a-f]{8})/(?P<name>request|plan|state)\.json")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def native(db: Session) -> list[dict[str, Any]]:
    """Airflow's last backfills of the daily DAG, newest first, each with the states of its runs."""
    query = select(
        Backfill.id, Backfill.from_date, Backfill.to_date, Backfill.created_at, Backfill.completed_at,
        Backfill.is_paused, Backfill.triggering_user_name,
    ).where(Backfill.dag_id == DAG).order_by(Backfill.id.desc()).limit(COUNT)  # fmt: skip
    rows = db.execute(query).all()
    states = _states(db, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "first": row.from_date.astimezone(UTC).date().isoformat(),
            "last": row.to_date.astimezone(UTC).date().isoformat(),
            "created": row.created_at.astimezone(UTC).isoformat(),
            "completed": row.completed_at.astimezone(UTC).isoformat() if row.completed_at else None,
            "paused": bool(row.is_paused),
            "by": str(row.triggering_user_name or ""),
            "runs": states.get(row.id, {}),
        }
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


def ranges(documents: Documents, db: Session) -> list[dict[str, Any]]:
    """The backfills of a range that changed last, newest first; one listing, and three documents of each."""
    changed: dict[str, datetime] = {}
    for stored in documents.listings([PREFIX])[PREFIX]:
        if match := _KEY.fullmatch(stored.key):
            changed[match["id"]] = max(changed.get(match["id"], _BEGINNING), stored.modified or _BEGINNING)
    ids = sorted(changed, key=lambda backfill_id: changed[backfill_id], reverse=True)[:COUNT]
    contents = documents.documents(key for backfill_id in ids for key in _keys(backfill_id).values())
    return _with_runs(db, [_line(backfill_id, contents) for backfill_id in ids])


def one(documents: Documents, db: Session, backfill_id: str) -> dict[str, Any] | None:
    """One backfill of a range with each of its chunks; None where the id, which was checked, is not known."""
    contents = documents.documents(_keys(backfill_id).values())
    if not contents:
        return None
    state = _parsed(State, contents, backfill_id, "state")
    plan = _parsed(BackfillPlan, contents, backfill_id, "plan")
    return _with_runs(db, [_line(backfill_id, contents)])[0] | {
        "plan": plan.model_dump(mode="json") if isinstance(plan, BackfillPlan) else None,
        "chunks": [_chunk(chunk) for chunk in state.chunks] if isinstance(state, State) else [],
        "attempts": [attempt.model_dump(mode="json") for attempt in state.attempts] if isinstance(state, State) else [],
        "missing": [day.isoformat() for day in plan.ingest.missing]
        if isinstance(plan, BackfillPlan) and plan.ingest
        else [],
        "stale": [
            {"set": factors.name, "sessions": len(factors.stale)}
            for factors in (plan.features if isinstance(plan, BackfillPlan) else ())
            if factors.stale
        ],
    }


def _with_runs(db: Session, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same lines; Airflow's state of the last run of each is merged into the state that the documents give."""
    ids = [str(line["run_id"]) for line in lines if line["run_id"]]
    query = select(DagRun.run_id, DagRun._state).where(DagRun.dag_id == HISTORY, DagRun.run_id.in_(ids))  # noqa: SLF001
    states = {row.run_id: str(row[1] or "") for row in db.execute(query).all()}
    failures = runs.failures(db, ids, HISTORY)
    for line in lines:
        run_id = str(line["run_id"] or "")
        line["state"] = standing(line["state"], states.get(run_id, ""), unfinished=line.pop("unfinished"))
        reasons = failures.get(run_id, {}) if line["state"] == "failed" else {}
        line["failures"] = [
            report.model_copy(update={"task": task}).to_json() for task, report in sorted(reasons.items())
        ]
    return lines


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


def _line(backfill_id: str, contents: Mapping[str, Document]) -> dict[str, Any]:
    record = _parsed(BackfillRecord, contents, backfill_id, "request")
    plan, state = _parsed(BackfillPlan, contents, backfill_id, "plan"), _parsed(State, contents, backfill_id, "state")
    faults = [document for document in (record, plan, state) if isinstance(document, str)]
    line: dict[str, Any] = {
        "id": backfill_id,
        "faults": faults,
        "first": f"{backfill_id[:4]}-{backfill_id[4:6]}-{backfill_id[6:8]}",
        "last": f"{backfill_id[9:13]}-{backfill_id[13:15]}-{backfill_id[15:17]}",
        "reason": "", "by": "", "asked_at": None, "steps": [], "sessions": None, "planned_seconds": None,
        "state": "planned", "run_id": None, "unfinished": False,
    }  # fmt: skip
    if isinstance(record, BackfillRecord):
        line |= {"reason": record.reason, "by": record.asked_by, "asked_at": record.asked_at.isoformat(),
                 "steps": list(record.request.steps)}  # fmt: skip
    if isinstance(plan, BackfillPlan):
        line |= {"sessions": plan.sessions, "planned_seconds": plan.seconds}
    chunks: Sequence[ChunkState] = state.chunks if isinstance(state, State) else ()
    if isinstance(state, State):
        line |= {"state": state.word(), "run_id": state.attempts[-1].run_id if state.attempts else None}
    if isinstance(plan, BackfillPlan) and isinstance(state, State):
        line["unfinished"] = _unfinished(plan, state)
    finished = sum(chunk.state in {"done", "nothing"} for chunk in chunks)
    return line | {
        "chunks_done": finished,
        "chunks_in_all": len({(chunk.step, chunk.number) for chunk in chunks} | _parts(plan)),
        "failed": [chunk.message for chunk in chunks if chunk.state == "failed"],
        "rows": sum(chunk.rows for chunk in chunks),
        "seconds": round(sum(chunk.seconds for chunk in chunks), 1),
        "waited": round(sum(chunk.waited for chunk in chunks), 1),
    }


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


def _chunk(chunk: ChunkState) -> dict[str, Any]:
    return chunk.model_dump(mode="json")
