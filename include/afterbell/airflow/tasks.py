"""The words a DAG is written in: open a run, and add its steps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from afterbell.airflow.await_drops import AwaitDropsOperator
from afterbell.airflow.library_step import LibraryStepOperator
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import run_slug
from afterbell.config.platform import load_platform
from afterbell.errors import PermanentError
from afterbell.sla.deadline import deadline_for


@task(task_id="open_run", retries=0)
def open_run() -> dict[str, Any]:
    """Check the session against the exchange's calendar and set the deadline of the run.

    Returns:
        ``session`` (ISO date), ``run_id``, ``started`` and ``deadline`` (ISO instants, UTC), ``replayed``.
    """
    context = get_current_context()
    named = str((context.get("params") or {}).get("session") or "")
    run_id = str(context["run_id"])
    started = datetime.now(UTC)
    try:
        session = parse_session(named)
        run_slug(run_id)
        exchange = Exchange(load_platform().exchange)
        deadline = deadline_for(exchange, session, started)
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return {
        "session": session.isoformat(),
        "run_id": run_id,
        "started": started.isoformat(),
        "deadline": deadline.at.isoformat(),
        "replayed": deadline.replayed,
    }


@task(task_id="open_maintenance", retries=0)
def open_maintenance() -> dict[str, Any]:
    """The instant that ages count from, and whether anything may be changed.

    Returns:
        ``session`` (the day, ISO), ``run_id``, ``now`` and ``deadline`` (ISO instants, UTC), ``dry_run``.
    """
    context = get_current_context()
    run_id, now = str(context["run_id"]), datetime.now(UTC)
    try:
        run_slug(run_id)
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return {
        "session": now.date().isoformat(),
        "run_id": run_id,
        "now": now.isoformat(),
        "deadline": (now + timedelta(hours=12)).isoformat(),
        "dry_run": bool((context.get("params") or {}).get("dry_run")),
    }


def parse_session(text: str) -> date:
    """A session out of a form: an ISO date and nothing else.

    Raises:
        AirflowFailException: it is something else.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise AirflowFailException(
            f"session {text!r} is not a date: give one like 2026-06-30 (in the form, or --conf session=...)"
        ) from error


def _result(step: BaseOperator) -> XComArg:
    return XComArg(step)


def await_drops(run: Any) -> XComArg:
    """Add the wait for the drops of the session; what it returns tells the report which came late or not at all."""
    return _result(AwaitDropsOperator(task_id="await_drops", run=run))


def spark_step(step: str, run: Any, *results: Any) -> XComArg:
    """Add ``spark_jobs/<step>.py``, told what ``results`` hold; its own result is what this returns."""
    return _result(SparkStepOperator(task_id=step, step=step, run=run, results=results))


def library_step(step: str, module: str, run: Any, *results: Any) -> XComArg:
    """Add a step that needs no cluster, run as ``python -m <module>``."""
    return _result(LibraryStepOperator(task_id=step, step=step, module=module, run=run, results=results))
