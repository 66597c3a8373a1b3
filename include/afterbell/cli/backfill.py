"""``backfill``: plan a range of history, fill it, and see how far it is."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import JsonValue

from afterbell.backfill.documents import BackfillAttempt, BackfillPlan, BackfillRecord, ChunkState, Estimate, State
from afterbell.backfill.request import (
    CHUNK_SESSIONS,
    STEPS,
    BackfillRequest,
    check_day,
    check_id,
    check_reason,
    check_request,
)
from afterbell.calendar.sessions import Exchange
from afterbell.cli.airflow_run import run_dag
from afterbell.cli.completion import backfill_steps, factor_sets
from afterbell.cli.context import Opened, stores
from afterbell.cli.options import AsJson, Profile
from afterbell.cli.output import advising, print_fields, print_json, print_rows, print_text, report_errors
from afterbell.cluster.profile import load_profile
from afterbell.config.loader import Strict
from afterbell.config.platform import load_platform
from afterbell.durations import format_duration
from afterbell.errors import ConfigError

DAG = "backfill_history"
_NAME_ONE = "Name a backfill that is on record: `./afterbell backfill status`."
app = typer.Typer(help="Fill years of history: plan, run, status.", no_args_is_help=True)

First = Annotated[str, typer.Option("--from", help="The first day, such as 2015-03-23.")]
Last = Annotated[str, typer.Option("--to", help="The last day.")]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--step", help="ingest or features; may be given twice. Both, if left out.", autocompletion=backfill_steps
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A factor set; may be given several times. Those of the daily models, if left out.",
        autocompletion=factor_sets,
    ),
]
Chunk = Annotated[int, typer.Option("--chunk", help="Sessions that are committed together.")]


@app.command("plan")
@report_errors
def plan(
    first: First,
    last: Last,
    step: Steps = None,
    factor_set: Sets = None,
    chunk: Chunk = CHUNK_SESSIONS,
    reason: Annotated[str, typer.Option(help="Why; if given, the plan is stored for others to see.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what is missing of a range, its size and the time it may take; nothing is filled."""
    request = _parse_request(first, last, step, factor_set, chunk)
    why = check_reason(reason) if reason else ""
    with stores("s3", "hdfs", quiet=as_json) as opened:
        backfill_plan = _make_plan(opened, request, why)
    print_json(backfill_plan.model_dump(mode="json")) if as_json else _show_plan(backfill_plan)


@app.command("run")
@report_errors
def run(
    first: First,
    last: Last,
    reason: Annotated[str, typer.Option(help="Why, in one line; stored with the plan.")],
    step: Steps = None,
    factor_set: Sets = None,
    chunk: Chunk = CHUNK_SESSIONS,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Fill a range, or continue it: the same range and steps are the same backfill."""
    request, why = _parse_request(first, last, step, factor_set, chunk), check_reason(reason)
    name = profile or load_platform().cluster
    load_profile(name)
    conf = request.model_dump(mode="json") | {"reason": why}
    with stores("s3", "hdfs", quiet=as_json) as opened:
        done = run_dag(opened, DAG, conf, name, on_event=None if as_json else print_text)
        update = {"run_id": done.run_id, "log": str(done.log)}
        backfill = _read_backfill(opened, request.backfill_id).model_copy(update=update)
    print_json(backfill.to_json()) if as_json else _show_state(backfill)


@app.command("status")
@report_errors
def status(
    backfill_id: Annotated[str, typer.Argument(help="A backfill's id; all of them, if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show all backfills, or how far each chunk of one is."""
    if backfill_id:
        with advising(_NAME_ONE, ConfigError):
            check_id(backfill_id)
    with stores("s3", quiet=as_json) as opened, advising(_NAME_ONE, ConfigError):
        report = _read_backfill(opened, backfill_id) if backfill_id else _list_backfills(opened)
    if as_json:
        print_json([line.model_dump(mode="json") for line in report] if isinstance(report, list) else report.to_json())
    elif isinstance(report, list):
        shown = {"id", "state", "done", "asked"}  # fits a terminal; `status ID` shows the rest
        print_rows([line.model_dump(include=shown) for line in report], title="backfills")
    else:
        _show_state(report)


def _parse_request(
    first: str, last: str, steps: list[str] | None, sets: list[str] | None, chunk: int
) -> BackfillRequest:
    check_day(first, "--from")
    check_day(last, "--to")
    fields = {
        "first": first,
        "last": last,
        "steps": steps or STEPS,
        "factor_sets": sets or (),
        "chunk_sessions": chunk,
    }
    return check_request(fields, Exchange(load_platform().exchange), datetime.now(UTC).date())


def _make_plan(opened: Opened, request: BackfillRequest, reason: str) -> BackfillPlan:
    from afterbell.backfill.__main__ import plan_and_record  # noqa: PLC0415 - keeps --help fast
    from afterbell.backfill.planner import survey  # noqa: PLC0415

    now = datetime.now(UTC)
    if not reason:
        return survey(opened.runtime, request, Exchange(opened.platform.exchange), now)
    record = BackfillRecord(
        backfill_id=request.backfill_id,
        request=request,
        reason=reason,
        requested_by=getpass.getuser(),
        requested_at=now,
    )
    return plan_and_record(opened.runtime, record)


class BackfillReport(Strict):
    """All documents of a backfill; ``run_id`` and ``log`` are those of the run that has just ended."""

    id: str
    state: str
    record: BackfillRecord
    plan: BackfillPlan | None
    attempts: tuple[BackfillAttempt, ...]
    chunks: tuple[ChunkState, ...]
    run_id: str = ""
    log: str = ""

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values."""
        return self.model_dump(mode="json", exclude=set() if self.run_id else {"run_id", "log"})


class BackfillLine(Strict):
    """A backfill in a list."""

    id: str
    state: str
    steps: str
    done: str
    rows: int
    seconds: float
    asked: str
    by: str
    reason: str


def _read_backfill(opened: Opened, backfill_id: str) -> BackfillReport:
    from afterbell.backfill.repository import Shelf  # noqa: PLC0415 - boto3 takes a third of a second
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    shelf = Shelf(ArtifactStore(opened.runtime.s3))
    record, plan_made, state = shelf.record(backfill_id), shelf.plan(backfill_id), shelf.state(backfill_id)
    return BackfillReport(
        id=backfill_id,
        state=state.word(),
        record=record,
        plan=plan_made,
        attempts=state.attempts,
        chunks=state.chunks,
    )


def _list_backfills(opened: Opened) -> list[BackfillLine]:
    from afterbell.backfill.repository import Shelf  # noqa: PLC0415 - boto3 takes a third of a second
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    shelf = Shelf(ArtifactStore(opened.runtime.s3))
    return [_list_row(shelf.record(name), shelf.plan(name), shelf.state(name)) for name in shelf.ids()]


def _list_row(record: BackfillRecord, plan_made: BackfillPlan | None, state: State) -> BackfillLine:
    finished = [chunk for chunk in state.chunks if chunk.state in {"done", "nothing"}]
    planned = len(plan_made.chunks) if plan_made else 0
    return BackfillLine(
        id=record.backfill_id,
        state=state.word(),
        steps=", ".join(record.request.steps),
        done=f"{len(finished)} of {len(record.request.steps) * planned}",
        rows=sum(chunk.rows for chunk in finished),
        seconds=round(sum(chunk.seconds for chunk in finished), 1),
        asked=record.requested_at.strftime("%Y-%m-%d %H:%M"),
        by=record.requested_by,
        reason=record.reason,
    )


def _show_plan(backfill_plan: BackfillPlan) -> None:
    print_text(
        ("backfill", "bold"),
        f" {backfill_plan.backfill_id}: {backfill_plan.sessions} sessions in {len(backfill_plan.chunks)} chunks",
    )
    rows: list[dict[str, object]] = []
    ingest = backfill_plan.ingest
    if ingest is not None:
        rows.append(
            _plan_row(
                "ingest", ingest.sessions, f"{ingest.objects} drops, {ingest.bytes:,} bytes", ingest.rows, ingest.time
            )
        )
    for factors in backfill_plan.features:
        stale = f"{len(factors.stale)} stored sessions stay as they are" if factors.stale else ""
        rows.append(_plan_row(f"features {factors.name}", factors.sessions, stale, factors.rows, factors.time))
    print_rows(rows)
    if ingest is not None and ingest.missing:
        days = ingest.missing
        print_text(f"no drop of {len(days)} sessions, such as {days[0]}")
    print_text(f"about {format_duration(backfill_plan.seconds)} in all, Spark's starts included")


def _plan_row(name: str, sessions: int, remark: str, rows: int, time: Estimate) -> dict[str, object]:
    seconds = f"{format_duration(time.seconds)} ({time.basis})"
    return {"step": name, "sessions": sessions, "rows about": rows, "time about": seconds, "": remark}


def _show_state(backfill: BackfillReport) -> None:
    record = backfill.record
    requested_at = record.model_dump(mode="json")["asked_at"]
    print_fields({"backfill": backfill.id, "state": backfill.state, "reason": record.reason,
                  "requested": f"{requested_at} {record.requested_by}"})  # fmt: skip
    print_rows([_chunk_row(chunk) for chunk in backfill.chunks], title="chunks")
    for chunk in backfill.chunks:
        if chunk.message:
            print_text(f"{chunk.step} {chunk.number}: {chunk.message}")


def _chunk_row(chunk: ChunkState) -> dict[str, object]:
    days, took = f"{chunk.first} to {chunk.last}", format_duration(chunk.seconds) if chunk.seconds else "-"
    return {"step": chunk.step, "#": chunk.number, "days": days, "state": chunk.state, "rows": chunk.rows, "took": took}
