"""Tonight: a session's run against its deadline, stage by stage; pure, out of what Airflow and the store know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.results import FORECAST, Folder, quality, verdict
from afterbell.airflow.pages.runs import Run, Task
from afterbell.cluster.steps import STEPS

STAGES = ("open_run", "await_drops", *STEPS)
_NEVER_RAN = {"upstream_failed", "skipped", "removed"}
_DONE = {"success", "failed"}


def chosen(session: date, newest: Sequence[Run]) -> str:
    """The session that the page opens with: one whose run is under way, else that of the calendar (ISO dates)."""
    running = [run.session for run in newest if run.state == "running" and run.session]
    return session.isoformat() if session.isoformat() in running or not running else running[0]


def page(session: date, now: datetime, run: Run | None, tasks: Sequence[Task], folder: Folder | None) -> dict[str, Any]:
    """Everything that the page tells of one run, as JSON values; times are ISO instants in UTC.

    Args:
        session: of the run.
        now: the time.
        run: what Airflow knows; None where it knows no such run.
        tasks: of that run.
        folder: what its steps left in the store; None where nothing is there yet, or the store can't be read.
    """
    found = folder or Folder("", "", frozenset(), now)
    stages = _stages(run, tasks, found)
    begun = _begun(run, stages)
    ended = _ended(run, stages)
    at, replayed = clock.deadline(session, begun, (run.opened if run else {}).get("deadline"))
    state = run.state if run else _state(stages)
    arrived = ended if state == "success" and ended else now  # nothing stands that a failed run was in time with
    return {
        "now": now.isoformat(),
        "calendar": clock.described(session),
        "run": {
            "run_id": run.run_id if run else None,
            "slug": run.slug if run else found.slug,
            "state": state,
            "kind": str((run.opened.get("origin") if run else "") or (run.kind if run else "outside this Airflow")),
            "started": _iso(begun),
            "ended": _iso(ended),
            "seconds": _seconds(begun, ended or now),
            "deadline": at.isoformat(),
            "replayed": replayed,
            "left_seconds": round((at - arrived).total_seconds()),
        },
        "stages": stages,
        "forecast": _forecast(found.get(FORECAST)),
        "left_out": _left_out(found),
        "verdict": verdict(found),
        "quality": quality(found),
        "has_report": "evaluate" in found.names,
        "has_quality": "quality" in found.names,
    }


def _stages(run: Run | None, tasks: Sequence[Task], found: Folder) -> list[dict[str, Any]]:
    known = {task.name: task for task in tasks}
    others = sorted(set(known) - set(STAGES))
    budgets = _budgets(run)
    shown = [name for name in (*STAGES, *others) if known or name in found.names or name in STEPS]
    return [_stage(name, known.get(name), found.get(name), budgets.get(name)) for name in shown]


def _stage(name: str, task: Task | None, result: Mapping[str, Any], budget: float | None) -> dict[str, Any]:
    if task is not None and task.state in _NEVER_RAN:
        started, ended, state = None, None, task.state
    elif task is not None:
        started, ended, state = task.started, task.ended, task.state
    else:
        started, ended = clock.instant(result.get("started_at")), clock.instant(result.get("finished_at"))
        state = "success" if result else ""
    return {
        "step": name,
        "state": state,
        "started": _iso(started),
        "ended": _iso(ended if state in _DONE else None),
        "seconds": _seconds(started, ended) if state in _DONE else None,
        "budget": budget,
        "attempt": task.attempt if task else None,
        "noop": bool(result.get("noop")),
        "spark_ui": _address(result.get("spark_ui") or result.get("history_url")),
    }


def _budgets(run: Run | None) -> dict[str, float]:
    told = (run.opened if run else {}).get("budgets")
    found = told.get("seconds", told) if isinstance(told, Mapping) else {}
    return {str(name): float(value) for name, value in found.items() if isinstance(value, int | float)}


def _forecast(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The last word of the forecasts that the run made at its steps."""
    told = [each for each in _entries(found) if clock.instant(each.get("finish"))]
    if not told:
        return None
    last, slack = told[-1], told[-1].get("slack")
    return {
        "at": str(last.get("at") or ""),
        "step": str(last.get("step") or ""),
        "finish": last["finish"],
        "slack": slack if isinstance(slack, int | float) else None,
    }


def _entries(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = found.get("entries")
    return [each for each in entries if isinstance(each, Mapping)] if isinstance(entries, list) else []


def _left_out(found: Folder) -> list[str]:
    """What policy left out, and what training skipped, in words."""
    told = found.get("train").get("left_out")
    lines = [_said(each) for each in told] if isinstance(told, list) else []
    if not lines:  # training has not told yet what came of it
        forecasts = _entries(found.get(FORECAST))
        planned = forecasts[-1].get("left_out") if forecasts else None
        lines = [f"by the forecast: {_said(each)}" for each in planned] if isinstance(planned, list) else []
    skipped = found.get("train").get("skipped")
    lines += [f"not trained: {_said(each)}" for each in skipped] if isinstance(skipped, list) else []
    return list(dict.fromkeys(lines))


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return str(value)


def _begun(run: Run | None, stages: Sequence[Mapping[str, Any]]) -> datetime | None:
    if run and run.started:
        return run.started
    return min((at for stage in stages if (at := clock.instant(stage["started"]))), default=None)


def _ended(run: Run | None, stages: Sequence[Mapping[str, Any]]) -> datetime | None:
    if run:
        return run.ended
    return max((at for stage in stages if (at := clock.instant(stage["ended"]))), default=None)


def _state(stages: Sequence[Mapping[str, Any]]) -> str:
    done = [stage["step"] for stage in stages if stage["state"] == "success"]
    if not done:
        return ""
    return "success" if STEPS[-1] in done else "incomplete"


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return round((ended - started).total_seconds(), 1) if started and ended else None


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _address(value: object) -> str | None:
    """An address that may stand in a link: never a script, whatever a document says."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None
