"""The building blocks of a DAG: open a run, and add its steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from afterbell.airflow.await_drops import AwaitDropsOperator
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.library_step import LibraryStepOperator
from afterbell.airflow.open_run import origin_of
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.errors import PermanentError
from afterbell.run.contracts.opened import OpenedMaintenance
from afterbell.run.job import run_slug


@task(task_id="open_maintenance")
@condense_failures
def open_maintenance() -> dict[str, JsonValue]:
    """``OpenedMaintenance`` as JSON: the instant from which ages are counted, and whether anything may be changed."""
    context = get_current_context()
    run_id, now = str(context["run_id"]), datetime.now(UTC)
    try:
        run_slug(run_id)
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return OpenedMaintenance(
        session=now.date(),
        run_id=run_id,
        now=now,
        deadline=now + timedelta(hours=12),
        dry_run=bool((context.get("params") or {}).get("dry_run")),
        origin=origin_of(context["dag_run"].run_type),
        profile="",
    ).to_json()


def _result(step: BaseOperator) -> XComArg:
    return XComArg(step)


def await_drops(run: Any) -> XComArg:
    """Add the wait for the drops of the session; from its result the report lists those late or missing."""
    # It may begin two hours before the bell; it ends by itself at the last cut-off.
    return _result(AwaitDropsOperator(task_id="await_drops", run=run, execution_timeout=timedelta(hours=4)))


def spark_step(step: str, run: Any, *results: Any) -> XComArg:
    """Add ``spark_jobs/<step>.py`` with ``results`` as its inputs; returns the result of the step."""
    return _result(SparkStepOperator(task_id=step, step=step, run=run, results=results))


def library_step(step: str, module: str, run: Any, *results: Any) -> XComArg:
    """Add a step that needs no cluster, run as ``python -m <module>``."""
    return _result(LibraryStepOperator(task_id=step, step=step, module=module, run=run, results=results))
