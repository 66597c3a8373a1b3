"""Notices of failures, forecasts, missed deadlines, holds and successes. None of them ever fails or delays a run.

A notice that cannot be sent (a wrong file, a store or channel that is down, slow or hangs) leaves a line in the log.
Notices are sent in threads of their own, which are abandoned when their time is up.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import Any, TypedDict

from airflow.sdk import BaseNotifier, Context
from airflow.sdk.configuration import conf

from afterbell.airflow import failures
from afterbell.airflow.artifact_access import open_artifacts, secret_values
from afterbell.airflow.notice import Notice, NoticePlace, NoticeRun, StageTime, compose, read_results, scrub
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.models import PublishResult, TrainResult
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.steps import PUBLISH, TRAIN
from afterbell.sla.policy import Channel, Kind, load_policy

NOWHERE = NoticePlace()
_GATHER, _SEND = 8.0, 12.0
"""Seconds to compose a notice, and to send it on all channels at once."""
_log = logging.getLogger(__name__)


def notify(
    kind: Kind,
    run: NoticeRun,
    text: str,
    place: NoticePlace = NOWHERE,
    context: Mapping[str, object] | None = None,
) -> None:
    """Send a notice on all channels that ``sla.yaml`` names for its kind; never raises, and takes 20 seconds at most.

    Args:
        kind: of the notice.
        run: which.
        text: what happened.
        place: where.
        context: Airflow's, for the templates of its notifiers.
    """
    with _logging_errors(kind):
        channels = [channel for channel in load_policy().notices if kind in channel.kinds]
        if channels:
            _send_to_all(channels, _compose_notice(kind, run, text, place), context or {})


@contextmanager
def _logging_errors(kind: str) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - a notice never fails a run
        _log.exception("notice %r could not be sent; the run goes on", kind)


def _compose_notice(kind: Kind, run: NoticeRun, text: str, place: NoticePlace) -> Notice:
    secrets: list[str] = []
    stages: list[StageTime] = []

    def read_stores() -> None:
        secrets.extend(secret_values())
        if run.session and run.run_id:
            results = read_results(open_artifacts(), run)
            stages.extend(StageTime(step, float(result.seconds)) for step, result in results.items())

    _wait([_start_thread("the times of the stages", read_stores)], _GATHER)
    base = conf.get("api", "base_url", fallback="") or ""
    return compose(kind, run, text, place, tuple(stages), tuple(secrets), base)


def _send_to_all(channels: list[Channel], notice: Notice, context: Mapping[str, object]) -> None:
    body = notice.to_json()
    threads = []
    for channel in channels:
        # The notice is data: a template in sla.yaml may show it, but nothing in it is ever rendered. Without the DAG
        # its own macros are not available.
        channel_context = {name: value for name, value in context.items() if name != "dag"} | {"notice": body}
        threads.append(_start_thread(channel.notifier, partial(_send, channel, channel_context)))
    _wait(threads, _SEND)


def _send(channel: Channel, context: dict[str, object]) -> None:
    module, _, name = channel.notifier.rpartition(".")
    notifier: BaseNotifier = getattr(import_module(module), name)(**channel.kwargs)
    notifier(context)


def _start_thread(what: str, action: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the run goes on
            # The text of the error is not ours, and may contain an address with a secret in it.
            _log.warning("notice: %s: %s: %s", what, type(error).__name__, scrub(str(error)))

    # A daemon: a channel that hangs must not keep the process, be it a worker's or the triggerer's.
    thread = threading.Thread(target=run, name=f"notice {what}", daemon=True)
    thread.start()
    return thread


def _wait(threads: list[threading.Thread], seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, give_up_at - time.monotonic()))
        if thread.is_alive():
            _log.warning("%s: no answer within %.0f s; the run goes on without", thread.name, seconds)


def task_failed(context: Context) -> None:
    """A task's ``on_failure_callback``: its last try has failed. Called in the worker; elsewhere if it is lost."""
    with _report_failure(context, again=False), _logging_errors("failure"):
        message = str(context.get("exception") or "its worker was lost, or the task was failed by hand; see its log")
        notify("failure", run_of(context), message, place_of(context, _id_of(context, "task")), context)


def task_retried(context: Context) -> None:
    """A task's ``on_retry_callback``: this try has failed, and Airflow makes another. Only the log records it."""
    with _report_failure(context, again=True):
        pass


@contextmanager
def _report_failure(context: Context, *, again: bool) -> Iterator[None]:
    """Store the reason for the pages before the block, and log it after: people read the last lines of a log."""
    failure = None
    try:
        failure = failures.keep(context, again=again, secrets=secret_values())
    except Exception as error:  # noqa: BLE001 - not every process that calls back can write to the task
        _log.info("the reason was not stored for the pages: %s: %s", type(error).__name__, scrub(str(error)))
    yield
    if failure is not None:
        failures.write_to_log(failure)


def run_failed(context: Context) -> None:
    """A DAG's ``on_failure_callback``: reports what no task can report itself, such as the run's own time limit."""
    reason = str(context.get("reason") or "")
    if reason == "task_failure":
        return  # the task's own notice has the details
    with _logging_errors("failure"):
        notify("failure", run_of(context), f"the run failed: {reason}", place_of(context), context)


def run_succeeded(context: Context) -> None:
    """A DAG's ``on_success_callback``: published, kept or held, and what was left out. Silent for backfills."""
    with _logging_errors("success"):
        run, kind_of_run = run_of(context), getattr(context.get("dag_run"), "run_type", "")
        if str(getattr(kind_of_run, "value", kind_of_run)) == "backfill":
            return  # one of many: whoever started the backfill looks at all its runs
        kind, text = outcome(_read_step_results(run))
        notify(kind, run, text, place_of(context), context)


def _read_step_results(run: NoticeRun) -> dict[str, Result]:
    results: dict[str, Result] = {}
    if not (run.session and run.run_id):
        return results
    _wait(
        [_start_thread("the results of the steps", lambda: results.update(read_results(open_artifacts(), run)))],
        _GATHER,
    )
    return results


def outcome(results: Mapping[str, Result]) -> tuple[Kind, str]:
    """The kind of notice for a run that succeeded (``success`` or ``held``), and its outcome in one sentence."""
    published, trained = results.get(PUBLISH.name), results.get(TRAIN.name)
    if not isinstance(published, PublishResult):
        return "success", "the run is done"
    left_out = "; ".join(trained.left_out) if isinstance(trained, TrainResult) else ""
    suffix = f"; left out: {left_out}" if left_out else ""
    serving = f"{published.release_id} serves"
    if published.moved:
        return "success", f"published: {serving}{suffix}"
    if published.provisional:
        return "held", f"nothing serves yet; {published.reason}{suffix}"
    kind: Kind = "held" if published.reason.startswith("hold") else "success"
    return kind, f"champion kept, {serving}; {published.reason}{suffix}"


async def deadline_missed(context: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Airflow's deadline alert; called in the triggerer, with the run and its deadline as JSON values."""
    dag_run = dict((context or {}).get("dag_run") or {})
    run = NoticeRun(
        session=session_in(dag_run),
        run_id=str(dag_run.get("dag_run_id") or ""),
        deadline=_format_deadline((context or {}).get("deadline")),
    )
    # In a thread: nothing here may hold up the other triggers.
    await asyncio.to_thread(_notify_missed, run, NoticePlace(dag_id=str(dag_run.get("dag_id") or "")))


def _notify_missed(run: NoticeRun, place: NoticePlace) -> None:
    with _logging_errors("deadline_missed"):
        result = _read_step_results(run).get(PUBLISH.name)
        published = result.published if isinstance(result, PublishResult) else None
        consequence = f"its release {published} stands" if published else "nothing of it will be published any more"
        notify("deadline_missed", run, f"the run is not done, and its deadline has passed: {consequence}", place)


def session_in(dag_run: Mapping[str, object]) -> str:
    """The session (ISO date) of a run in the form of Airflow's API: the one it was given, or its data interval's."""
    given = dag_run.get("conf")
    named = (given.get("session") if isinstance(given, Mapping) else "") or dag_run.get("data_interval_start") or ""
    try:
        return datetime.fromisoformat(str(named)).date().isoformat()
    except ValueError:
        return ""


def run_of(context: Context) -> NoticeRun:
    """Result of the task that opened the run; what Airflow itself knows of the run, where that is not available."""
    own = getattr(context.get("task"), "run", None)
    opened = own if isinstance(own, Mapping) else _pull_opening_result(context)
    if isinstance(opened, Mapping):
        return NoticeRun.of(OpenedRun.read(opened))
    run = context.get("dag_run")
    known = {name: getattr(run, name, None) for name in ("conf", "data_interval_start")}
    named = (context.get("params") or {}).get("session")
    kind = getattr(run, "run_type", "")
    return NoticeRun(
        run_id=str(context.get("run_id") or ""),
        session=str(named or "") or session_in(known),
        origin=str(getattr(kind, "value", kind)),
    )


def _pull_opening_result(context: Context) -> Any:
    opener = next((name for name in getattr(context.get("dag"), "task_ids", ()) if name.startswith("open_")), "")
    if not opener or context.get("ti") is None:
        return None
    try:
        return context["ti"].xcom_pull(task_ids=opener)
    except Exception as error:  # noqa: BLE001 - not every process that calls back can read results
        _log.info("the result of %s is not available here: %s", opener, type(error).__name__)
        return None


def place_of(context: Context, step: str = "") -> NoticePlace:
    """The DAG, run and task of ``context``."""
    return NoticePlace(dag_id=_id_of(context, "dag"), run_id=str(context.get("run_id") or ""), step=step)


def _id_of(context: Context, what: str) -> str:
    return str(getattr(context.get(what), f"{what}_id", "") or "")


def _format_deadline(deadline: Any) -> str:
    instant = deadline.get("deadline_time") if isinstance(deadline, Mapping) else None
    return instant.astimezone(UTC).isoformat() if isinstance(instant, datetime) else str(instant or "")


class RunNotices(TypedDict):
    """Arguments of a DAG."""

    on_failure_callback: Callable[[Context], None]
    on_success_callback: Callable[[Context], None]


TASK_NOTICES: dict[str, Callable[[Context], None]] = {
    "on_failure_callback": task_failed,
    "on_retry_callback": task_retried,
}
"""For a DAG's ``default_args``."""
RUN_NOTICES: RunNotices = {"on_failure_callback": run_failed, "on_success_callback": run_succeeded}
"""For a DAG itself."""
