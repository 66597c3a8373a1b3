"""The forecast of a run as its steps begin and end: a line in their logs, a document for the pages, one notice.

It never fails or delays a step: without a store, or with a wrong file, the step goes on without a forecast.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import get_current_context

from afterbell.airflow.artifact_access import open_artifacts
from afterbell.airflow.notice import NoticePlace, NoticeRun
from afterbell.airflow.notices import notify
from afterbell.calendar.sessions import Exchange
from afterbell.errors import AfterbellError, ObjectMissingError, PreconditionFailedError
from afterbell.run.contracts.models import TrainInstructions
from afterbell.run.contracts.notes import ForecastDocument, ForecastEntry
from afterbell.run.contracts.opened import BudgetFigures, OpenedRun
from afterbell.run.job import result_key
from afterbell.sla.budgets import Budgets, default_budgets, learn
from afterbell.sla.forecast import Forecast, fitting, forecast, over_budget
from afterbell.sla.history import read_runs
from afterbell.sla.policy import TIMED, SlaPolicy, load_policy
from afterbell.stores.artifacts import ArtifactStore

FORECAST, NOTICE = "forecast", "forecast-notice"
"""Documents of a run: its newest forecast with all ``entries``, and the mark that a notice of a miss was sent."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def budgets_for(exchange: Exchange, session: date, log: Any) -> BudgetFigures:
    """The time budget of each step, for ``run["budgets"]``: learned from the last sessions, else that of the policy.

    Raises:
        ConfigError: ``sla.yaml`` is wrong.
    """
    policy = load_policy()
    budgets = default_budgets(policy)
    with _logging_errors(log):
        earlier = exchange.before(session, policy.history.sessions)
        budgets = learn(read_runs(open_artifacts(), [session, *reversed(earlier)]), policy)
    return budgets.figures()


def forecast_at_start(
    run: OpenedRun, step: str, log: Any, drops_due: datetime | None = None, *, kept: bool = False
) -> TrainInstructions:
    """Forecast at the start of ``step``.

    Args:
        run: result of the task that opened the run.
        step: one of ``TIMED``; for others nothing happens.
        log: of the task.
        drops_due: when the work can begin, if known.
        kept: whether the instructions of an earlier try stay valid: its driver may be running.

    Returns:
        Instructions for the step besides its inputs; nothing is set in them for other steps than ``train``.
    """
    instructions = TrainInstructions()
    with _logging_errors(log):
        inputs = _forecast_inputs(run, step)
        earlier = _read_instructions(run, step) if inputs and kept else None
        if earlier is not None:
            return earlier
        if inputs:
            policy, budgets, deadline = inputs
            prediction = fitting(budgets, step, now(), deadline, policy.leave_out, begins=drops_due)
            instructions = _instructions_for(prediction, budgets, step)
            _record(run, _entry(prediction, done=False, instructions=instructions), prediction, log)
    return instructions


def _read_instructions(run: OpenedRun, step: str) -> TrainInstructions | None:
    starts = [entry for entry in _read_entries(open_artifacts(), run) if entry.step == step and not entry.done]
    return starts[-1].instructions if starts and "instructions" in starts[-1].model_fields_set else None


def forecast_at_end(run: OpenedRun, step: str, log: Any) -> None:
    """Forecast at the end of ``step``, and log a warning if it took more than its budget."""
    with _logging_errors(log):
        inputs = _forecast_inputs(run, step)
        if inputs:
            policy, budgets, deadline = inputs
            instant = now()
            later = TIMED[TIMED.index(step) + 1 :]
            if later:
                prediction = replace(fitting(budgets, later[0], instant, deadline, policy.leave_out), step=step)
            else:
                prediction = forecast(budgets, step, instant, deadline, done=True)
            _record(run, _entry(prediction, done=True, budget=budgets.seconds[step]), prediction, log)


def _forecast_inputs(run: OpenedRun, step: str) -> tuple[SlaPolicy, Budgets, datetime] | None:
    # Nobody waits for a backfill: its deadline only bounds how long it waits for a store.
    if run.budgets is None or step not in TIMED or run.origin == "backfill":
        return None
    return load_policy(), Budgets.of(run.budgets), run.deadline


def _instructions_for(prediction: Forecast, budgets: Budgets, step: str) -> TrainInstructions:
    if step != "train":
        return TrainInstructions()
    return TrainInstructions(
        leave_out=tuple(measure.left_out for measure in prediction.left_out),
        needed_after=budgets.after(step) + budgets.reserve,
    )


def _entry(prediction: Forecast, *, done: bool, **details: object) -> ForecastEntry:
    left_out = {"left_out": tuple(measure.label for measure in prediction.left_out)} if prediction.left_out else {}
    return prediction.entry(done=done).model_copy(update=details | left_out)


def _record(run: OpenedRun, newest: ForecastEntry, prediction: Forecast, log: Any) -> None:
    log.info(prediction.summary)
    store = open_artifacts()
    entries = _read_entries(store, run)
    if newest.done:
        newest = newest.model_copy(update={"took": _seconds_taken(entries, prediction)})
    entries.append(newest)
    # The newest is on top, for readers that need no other.
    document = newest.to_json() | {"entries": [entry.to_json() for entry in entries]}
    store.put(_key(run, FORECAST), json.dumps(document, indent=2).encode())
    took = {entry.step: float(entry.took) for entry in entries if entry.took is not None}
    over = {} if run.budgets is None else over_budget(Budgets.of(run.budgets), took)
    if prediction.step in over:
        log.warning(
            "%s took %.0f s, %.0f s more than its budget", prediction.step, took[prediction.step], over[prediction.step]
        )
    if not prediction.fits and _claim_notice(store, run):
        notify("forecast", NoticeRun.of(run), _warning(prediction, over), _place(prediction.step))


def _place(step: str) -> NoticePlace:
    try:
        context = get_current_context()
    except RuntimeError:  # not in a task: the notice goes without its link
        return NoticePlace(step=step)
    return NoticePlace(dag_id=str(context["dag"].dag_id), run_id=str(context["run_id"]), step=step)


def _warning(prediction: Forecast, over: Mapping[str, float]) -> str:
    late = ", ".join(f"{step} by {seconds:.0f} s" for step, seconds in over.items())
    return f"{prediction.summary} (seen at {prediction.step})" + (f". Over their budgets: {late}" if late else "")


def _read_entries(store: ArtifactStore, run: OpenedRun) -> list[ForecastEntry]:
    try:
        return list(ForecastDocument.read(store.get(_key(run, FORECAST))).entries)
    except ObjectMissingError:
        return []


def _seconds_taken(entries: list[ForecastEntry], prediction: Forecast) -> float | None:
    """Seconds since the step before ended, or since this one was first begun; earlier tries are part of it."""
    steps_before = TIMED[: TIMED.index(prediction.step)]
    ends = [entry.at for entry in entries if entry.done and entry.step in steps_before]
    starts = [entry.at for entry in entries if not entry.done and entry.step == prediction.step]
    since = max(ends, default=None) or min(starts, default=None)
    return round((prediction.at - since).total_seconds(), 1) if since else None


def _claim_notice(store: ArtifactStore, run: OpenedRun) -> bool:
    try:
        store.put_if_absent(_key(run, NOTICE), json.dumps({"at": now().isoformat()}).encode())
    except PreconditionFailedError:
        return False
    return True


def _key(run: OpenedRun, name: str) -> str:
    return result_key(run.session, run.run_id, name)


@contextmanager
def _logging_errors(log: Any) -> Iterator[None]:
    try:
        yield
    except (AfterbellError, ValueError, KeyError, TypeError) as error:
        log.warning("no forecast: %s: %s", type(error).__name__, error)
