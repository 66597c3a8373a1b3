"""Tonight: a session's run against its deadline, stage by stage; pure, out of what Airflow and the store know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.results import FORECAST, Folder, quality, since, verdict
from afterbell.airflow.pages.runs import Run, Task
from afterbell.cluster.steps import STEPS
from afterbell.remedies import remedy

STAGES = ("open_run", "await_drops", *STEPS)
_NEVER_RAN = {"upstream_failed", "skipped", "removed"}
_DONE = {"success", "failed"}
FAILED = {"failed", "up_for_retry"}
UNDER_WAY = {"queued", "running", "deferred", "scheduled", "up_for_retry", "up_for_reschedule", "restarting"}
"""Airflow's states of runs and tasks that end by themselves."""


def chosen(session: date, newest: Sequence[Run]) -> str:
    """The session that the page opens with: one whose run is under way, else that of the calendar (ISO dates)."""
    running = [run.session for run in newest if run.state == "running" and run.session]
    return session.isoformat() if session.isoformat() in running or not running else running[0]


def page(
    session: date,
    now: datetime,
    run: Run | None,
    tasks: Sequence[Task],
    folder: Folder | None,
    failures: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Everything that the page tells of one run, as JSON values; times are ISO instants in UTC.

    Args:
        session: of the run.
        now: the time.
        run: what Airflow knows; None where it knows no such run.
        tasks: of that run.
        folder: what its steps left in the store; None where nothing is there yet, or the store can't be read.
        failures: why tasks failed, by task, as they told Airflow.
    """
    found = folder or Folder("", "", frozenset(), now)
    stages = _stages(run, tasks, found, failures, now)
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
        "refresh": _refresh(state, stages),
        "forecast": _estimate(run, stages, now, at) or _forecast(found.get(FORECAST)),
        "left_out": _left_out(found),
        "verdict": verdict(found),
        "since": since(found),
        "quality": quality(found),
        "has_report": "evaluate" in found.names,
        "has_quality": "quality" in found.names,
    }


def _stages(
    run: Run | None,
    tasks: Sequence[Task],
    found: Folder,
    failures: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    known = {task.name: task for task in tasks}
    others = sorted(set(known) - set(STAGES))
    budgets = _budgets(run)
    shown = [name for name in (*STAGES, *others) if known or name in found.names or name in STEPS]
    stages = [_stage(name, known.get(name), found, budgets.get(name)) for name in shown]
    for stage in stages:
        name, state = stage["step"], stage["state"]
        stage["failure"] = failure(failures.get(name), found.get(f"{name}.failure")) if state in FAILED else None
        stage["progress"] = progress(found.get(f"{name}.progress"), stage, now) if state == "running" else None
    return stages


def _stage(name: str, task: Task | None, found: Folder, budget: float | None) -> dict[str, Any]:
    result, failed = found.get(name), found.get(f"{name}.failure")
    if task is not None and task.state in _NEVER_RAN:
        started, ended, state = None, None, task.state
    elif task is not None:
        started, ended, state = task.started, task.ended, task.state
    elif failed and not result:  # of a run outside this Airflow
        started, ended, state = (
            clock.instant(failed.get("started_at")),
            clock.instant(failed.get("failed_at")),
            "failed",
        )
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


def failure(told: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> dict[str, str]:
    """Why a task failed: as it told Airflow, else as its driver told the store; else where to look."""
    if told:
        return {name: str(told.get(name) or "") for name in ("kind", "what", "where", "do")}
    if stored:
        kind = str(stored.get("kind") or "")
        return {"kind": kind, "what": str(stored.get("message") or ""), "where": "", "do": remedy(kind)}
    return {
        "kind": "",
        "what": "The task left no reason: its worker was lost, or somebody marked it as failed.",
        "where": "",
        "do": "Read its log; then clear the task, or start the run again.",
    }


def progress(told: Mapping[str, Any], stage: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """How far a stage that runs is, how fast, and when it will be done; None where it has not said so yet.

    Returns:
        ``what``, ``done``, ``of``, ``percent``, ``per_minute`` (None before there is anything to count), ``finish``
        (ISO, UTC; None likewise).
    """
    began, at, started = (clock.instant(each) for each in (told.get("began"), told.get("at"), stage["started"]))
    done, of = told.get("done"), told.get("of")
    if not (began and at and isinstance(done, int) and isinstance(of, int) and of > 0) or (started and at < started):
        return None  # what a try before it said stays there
    seconds = (at - began).total_seconds()
    rate = done / seconds if seconds > 0 and done > 0 else None
    finish = max(now, at + timedelta(seconds=(of - done) / rate)) if rate else None
    return {
        "what": str(told.get("what") or "parts"),
        "done": done,
        "of": of,
        "percent": round(100 * done / of, 1),
        "per_minute": round(60 * rate, 3) if rate else None,
        "finish": _iso(finish),
    }


def _estimate(
    run: Run | None, stages: Sequence[Mapping[str, Any]], now: datetime, deadline: datetime
) -> dict[str, Any] | None:
    """The finish that the progress of the stage under way makes likely, with the budgets of those after it."""
    names = [stage["step"] for stage in stages]
    for number, stage in enumerate(stages):
        told = clock.instant((stage["progress"] or {}).get("finish"))
        if told:
            budgets = _budgets(run)
            if any(name not in budgets for name in names[number + 1 :]):
                return None
            finish = told + timedelta(seconds=sum(budgets[name] for name in names[number + 1 :]))
            return {
                "at": now.isoformat(),
                "step": stage["step"],
                "finish": finish.isoformat(),
                "slack": round((deadline - finish).total_seconds(), 1),
            }
    return None


def _refresh(state: str, stages: Sequence[Mapping[str, Any]]) -> int | None:
    """Seconds after which the page is worth loading again; None where nothing changes by itself."""
    return 5 if state in UNDER_WAY or any(stage["state"] in UNDER_WAY for stage in stages) else None


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
    if any(stage["state"] == "failed" for stage in stages):
        return "failed"
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
