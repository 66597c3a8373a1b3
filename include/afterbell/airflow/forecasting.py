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
from afterbell.airflow.notices import notify
from afterbell.calendar.sessions import Exchange
from afterbell.errors import AfterbellError, ObjectMissingError, PreconditionFailedError
from afterbell.run.job import result_key
from afterbell.sla.budgets import Budgets, default_budgets, learn
from afterbell.sla.forecast import Forecast, fitting, forecast, over_budget
from afterbell.sla.history import read_runs
from afterbell.sla.policy import TIMED, SlaPolicy, load_policy
from afterbell.stores.artifacts import ArtifactStore

FORECAST, NOTICE = "forecast", "forecast-notice"
"""Documents of a run: its newest forecast with all ``entries``, and the mark that a notice of a miss was sent."""
Run = Mapping[str, Any]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def budgets_for(exchange: Exchange, session: date, log: Any) -> dict[str, Any]:
    """The time budget of each step, for ``run["budgets"]``: learned from the last sessions, else that of the policy.

    Raises:
        ConfigError: ``sla.yaml`` is wrong.
    """
    policy = load_policy()
    budgets = default_budgets(policy)
    with _logging_errors(log):
        earlier = exchange.before(session, policy.history.sessions)
        budgets = learn(read_runs(open_artifacts(), [session, *reversed(earlier)]), policy)
    return budgets.to_json()


def forecast_at_start(
    run: Run, step: str, log: Any, drops_due: datetime | None = None, *, kept: bool = False
) -> dict[str, Any]:
    """Forecast at the start of ``step``.

    Args:
        run: result of the task that opened the run.
        step: one of ``TIMED``; for others nothing happens.
        log: of the task.
        drops_due: when the work can begin, if known.
        kept: whether the instructions of an earlier try stay valid: its driver may be running.

    Returns:
        Instructions for the step besides its inputs: for ``train`` what to leave out, and how many seconds the steps
        after it need.
    """
    instructions: dict[str, Any] = {}
    with _logging_errors(log):
        inputs = _forecast_inputs(run, step)
        earlier = _read_instructions(run, step) if inputs and kept else None
        if earlier is not None:
            return earlier
        if inputs:
            policy, budgets, deadline = inputs
            prediction = fitting(budgets, step, now(), deadline, policy.leave_out, begins=drops_due)
            instructions = _instructions_for(prediction, budgets, step)
            _record(run, prediction, log, {"done": False, "told": instructions})
    return instructions


def _read_instructions(run: Run, step: str) -> dict[str, Any] | None:
    starts = [entry for entry in _read_entries(open_artifacts(), run) if entry["step"] == step and not entry["done"]]
    instructions: dict[str, Any] | None = starts[-1].get("told") if starts else None
    return instructions


def forecast_at_end(run: Run, step: str, log: Any) -> None:
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
            _record(run, prediction, log, {"done": True, "budget": budgets.seconds[step]})


def _forecast_inputs(run: Run, step: str) -> tuple[SlaPolicy, Budgets, datetime] | None:
    # Nobody waits for a backfill: its deadline only bounds how long it waits for a store.
    if not run.get("budgets") or step not in TIMED or run.get("origin") == "backfill":
        return None
    return load_policy(), Budgets.from_json(run["budgets"]), datetime.fromisoformat(str(run["deadline"]))


def _instructions_for(prediction: Forecast, budgets: Budgets, step: str) -> dict[str, Any]:
    if step != "train":
        return {}
    return {
        "leave_out": [measure.told() for measure in prediction.left_out],
        "needed_after": budgets.after(step) + budgets.reserve,
    }


def _record(run: Run, prediction: Forecast, log: Any, details: dict[str, Any]) -> None:
    log.info(prediction.said)
    store = open_artifacts()
    entries = _read_entries(store, run)
    newest = prediction.to_json() | details
    if prediction.left_out:
        newest["left_out"] = [measure.said for measure in prediction.left_out]
    if details["done"]:
        newest["took"] = _seconds_taken(entries, prediction)
    entries.append(newest)
    # The newest is on top, for readers that need no other.
    store.put(_key(run, FORECAST), json.dumps(newest | {"entries": entries}, indent=2).encode())
    took = {entry["step"]: entry["took"] for entry in entries if entry.get("took") is not None}
    over = over_budget(Budgets.from_json(run["budgets"]), took)
    if prediction.step in over:
        log.warning(
            "%s took %.0f s, %.0f s more than its budget", prediction.step, took[prediction.step], over[prediction.step]
        )
    if not prediction.fits and _claim_notice(store, run):
        notify("forecast", run, _warning(prediction, over), {"step": prediction.step} | _airflow_ids())


def _airflow_ids() -> dict[str, str]:
    try:
        context = get_current_context()
    except RuntimeError:  # not in a task: the notice goes without its link
        return {}
    return {"dag_id": str(context["dag"].dag_id), "run_id": str(context["run_id"])}


def _warning(prediction: Forecast, over: Mapping[str, float]) -> str:
    late = ", ".join(f"{step} by {seconds:.0f} s" for step, seconds in over.items())
    return f"{prediction.said} (seen at {prediction.step})" + (f". Over their budgets: {late}" if late else "")


def _read_entries(store: ArtifactStore, run: Run) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(store.get(_key(run, FORECAST)))["entries"]
    except ObjectMissingError:
        return []
    return entries


def _seconds_taken(entries: list[dict[str, Any]], prediction: Forecast) -> float | None:
    """Seconds since the step before ended, or since this one was first begun; earlier tries are part of it."""
    steps_before = TIMED[: TIMED.index(prediction.step)]
    ends = [entry["at"] for entry in entries if entry["done"] and entry["step"] in steps_before]
    starts = [entry["at"] for entry in entries if not entry["done"] and entry["step"] == prediction.step]
    since = max(ends, default=None) or min(starts, default=None)
    return round((prediction.at - datetime.fromisoformat(since)).total_seconds(), 1) if since else None


def _claim_notice(store: ArtifactStore, run: Run) -> bool:
    try:
        store.put_if_absent(_key(run, NOTICE), json.dumps({"at": now().isoformat()}).encode())
    except PreconditionFailedError:
        return False
    return True


def _key(run: Run, name: str) -> str:
    return result_key(date.fromisoformat(str(run["session"])), str(run["run_id"]), name)


@contextmanager
def _logging_errors(log: Any) -> Iterator[None]:
    try:
        yield
    except (AfterbellError, ValueError, KeyError, TypeError) as error:
        log.warning("no forecast: %s: %s", type(error).__name__, error)
