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

from afterbell.airflow.notices import notify
from afterbell.airflow.store import open_artifacts
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import result_key
from afterbell.errors import AfterbellError, ObjectMissingError, PreconditionFailedError
from afterbell.sla.budgets import Budgets, default_budgets, learn
from afterbell.sla.forecast import Forecast, fitting, forecast, over_budget
from afterbell.sla.history import read_runs
from afterbell.sla.policy import TIMED, SlaPolicy, load_policy
from afterbell.stores.artifacts import ArtifactStore

FORECAST, TOLD = "forecast", "forecast-notice"
"""Documents of a run: its newest forecast with all ``entries``, and the mark that somebody was told of a miss."""
Run = Mapping[str, Any]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def budgets_for(exchange: Exchange, session: date, log: Any) -> dict[str, Any]:
    """What the steps of a run may take, for ``run["budgets"]``: learned from the last sessions, else the policy's.

    Raises:
        ConfigError: ``sla.yaml`` is wrong.
    """
    policy = load_policy()
    found = default_budgets(policy)
    with _unimportant(log):
        back = exchange.before(session, policy.history.sessions)
        found = learn(read_runs(open_artifacts(), [session, *reversed(back)]), policy)
    return found.to_json()


def begun(run: Run, step: str, log: Any, drops_due: datetime | None = None, *, kept: bool = False) -> dict[str, Any]:
    """Forecast at the start of ``step``.

    Args:
        run: what the task that opened the run returned.
        step: of ``TIMED``; for others nothing happens.
        log: of the task.
        drops_due: when the work can begin, if that is known.
        kept: what the step was told by a try before stands: its driver may be running.

    Returns:
        What the step is told besides its inputs: for ``train`` what to leave out, and how many seconds the steps after
        it need.
    """
    more: dict[str, Any] = {}
    with _unimportant(log):
        watched = _watched(run, step)
        before = _told_before(run, step) if watched and kept else None
        if before is not None:
            return before
        if watched:
            policy, budgets, deadline = watched
            found = fitting(budgets, step, now(), deadline, policy.leave_out, begins=drops_due)
            more = _told(found, budgets, step)
            _say(run, found, log, {"done": False, "told": more})
    return more


def _told_before(run: Run, step: str) -> dict[str, Any] | None:
    found = [each for each in _entries(open_artifacts(), run) if each["step"] == step and not each["done"]]
    told: dict[str, Any] | None = found[-1].get("told") if found else None
    return told


def ended(run: Run, step: str, log: Any) -> None:
    """Forecast at the end of ``step``, and say if it took more than its budget."""
    with _unimportant(log):
        watched = _watched(run, step)
        if watched:
            policy, budgets, deadline = watched
            at = now()
            later = TIMED[TIMED.index(step) + 1 :]
            if later:
                found = replace(fitting(budgets, later[0], at, deadline, policy.leave_out), step=step)
            else:
                found = forecast(budgets, step, at, deadline, done=True)
            _say(run, found, log, {"done": True, "budget": budgets.seconds[step]})


def _watched(run: Run, step: str) -> tuple[SlaPolicy, Budgets, datetime] | None:
    # Nobody waits for a backfill: its deadline only keeps it from waiting for a store for ever.
    if not run.get("budgets") or step not in TIMED or run.get("origin") == "backfill":
        return None
    return load_policy(), Budgets.from_json(run["budgets"]), datetime.fromisoformat(str(run["deadline"]))


def _told(found: Forecast, budgets: Budgets, step: str) -> dict[str, Any]:
    if step != "train":
        return {}
    return {
        "leave_out": [measure.told() for measure in found.left_out],
        "needed_after": budgets.after(step) + budgets.reserve,
    }


def _say(run: Run, found: Forecast, log: Any, more: dict[str, Any]) -> None:
    log.info(found.said)
    store = open_artifacts()
    entries = _entries(store, run)
    entry = found.to_json() | more
    if found.left_out:
        entry["left_out"] = [measure.said for measure in found.left_out]
    if more["done"]:
        entry["took"] = _took(entries, found)
    entries.append(entry)
    # The newest stands on top, for whoever wants to know no more.
    store.put(_key(run, FORECAST), json.dumps(entry | {"entries": entries}, indent=2).encode())
    took = {each["step"]: each["took"] for each in entries if each.get("took") is not None}
    over = over_budget(Budgets.from_json(run["budgets"]), took)
    if found.step in over:
        log.warning("%s took %.0f s, %.0f s more than its budget", found.step, took[found.step], over[found.step])
    if not found.fits and _first(store, run):
        notify("forecast", run, _warning(found, over), {"step": found.step} | _airflow_ids())


def _airflow_ids() -> dict[str, str]:
    try:
        context = get_current_context()
    except RuntimeError:  # not in a task: the notice goes without its link
        return {}
    return {"dag_id": str(context["dag"].dag_id), "run_id": str(context["run_id"])}


def _warning(found: Forecast, over: Mapping[str, float]) -> str:
    late = ", ".join(f"{step} by {seconds:.0f} s" for step, seconds in over.items())
    return f"{found.said} (seen at {found.step})" + (f". Over their budgets: {late}" if late else "")


def _entries(store: ArtifactStore, run: Run) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(store.get(_key(run, FORECAST)))["entries"]
    except ObjectMissingError:
        return []
    return found


def _took(entries: list[dict[str, Any]], found: Forecast) -> float | None:
    """Seconds since the step before ended, or since this one was first begun; earlier tries are part of it."""
    before = TIMED[: TIMED.index(found.step)]
    ends = [each["at"] for each in entries if each["done"] and each["step"] in before]
    starts = [each["at"] for each in entries if not each["done"] and each["step"] == found.step]
    since = max(ends, default=None) or min(starts, default=None)
    return round((found.at - datetime.fromisoformat(since)).total_seconds(), 1) if since else None


def _first(store: ArtifactStore, run: Run) -> bool:
    try:
        store.put_if_absent(_key(run, TOLD), json.dumps({"at": now().isoformat()}).encode())
    except PreconditionFailedError:
        return False
    return True


def _key(run: Run, name: str) -> str:
    return result_key(date.fromisoformat(str(run["session"])), str(run["run_id"]), name)


@contextmanager
def _unimportant(log: Any) -> Iterator[None]:
    try:
        yield
    except (AfterbellError, ValueError, KeyError, TypeError) as error:
        log.warning("no forecast: %s: %s", type(error).__name__, error)
