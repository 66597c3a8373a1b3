"""Tonight: a session's run against its deadline, stage by stage; pure, out of the data of Airflow and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.results import FORECAST, Folder, quality, since, verdict
from afterbell.airflow.pages.runs import Run, Task
from afterbell.remedies import remedy
from afterbell.run.steps import STEPS

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
    """The data of the page of one run, as JSON values; times are ISO instants in UTC.

    Args:
        session: of the run.
        now: the time.
        run: as Airflow knows it; None where it knows no such run.
        tasks: of that run.
        folder: results of its steps in the store; None where nothing is there yet, or the store can't be read.
        failures: why tasks failed, by task, as they reported it to Airflow.
    """
    stored = folder or Folder("", "", frozenset(), now)
    stages = _stages(run, tasks, stored, failures, now)
    started = _first_start(run, stages)
    ended = _last_end(run, stages)
    deadline, replayed = clock.deadline(session, started, (run.opened if run else {}).get("deadline"))
    state = run.state if run else _state(stages)
    arrived = ended if state == "success" and ended else now  # only a successful run can have been in time
    return {
        "now": now.isoformat(),
        "calendar": clock.described(session),
        "run": {
            "run_id": run.run_id if run else None,
            "slug": run.slug if run else stored.slug,
            "state": state,
            "kind": str((run.opened.get("origin") if run else "") or (run.kind if run else "outside this Airflow")),
            "started": _iso(started),
            "ended": _iso(ended),
            "seconds": _seconds(started, ended or now),
            "deadline": deadline.isoformat(),
            "replayed": replayed,
            "left_seconds": round((deadline - arrived).total_seconds()),
        },
        "stages": stages,
        "refresh": _refresh(state, stages),
        "forecast": _estimate(run, stages, now, deadline) or _forecast(stored.get(FORECAST)),
        "left_out": _left_out(stored),
        "verdict": verdict(stored),
        "since": since(stored),
        "quality": quality(stored),
        "has_report": "evaluate" in stored.names,
        "has_quality": "quality" in stored.names,
    }


def _stages(
    run: Run | None,
    tasks: Sequence[Task],
    stored: Folder,
    failures: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    known = {task.name: task for task in tasks}
    others = sorted(set(known) - set(STAGES))
    budgets = _budgets(run)
    shown = [name for name in (*STAGES, *others) if known or name in stored.names or name in STEPS]
    stages = [_stage(name, known.get(name), stored, budgets.get(name)) for name in shown]
    for stage in stages:
        name, state = stage["step"], stage["state"]
        stage["failure"] = failure(failures.get(name), stored.get(f"{name}.failure")) if state in FAILED else None
        stage["progress"] = progress(stored.get(f"{name}.progress"), stage, now) if state == "running" else None
    return stages


def _stage(name: str, task: Task | None, stored: Folder, budget: float | None) -> dict[str, Any]:
    result, failed = stored.get(name), stored.get(f"{name}.failure")
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


def failure(reported: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> dict[str, str]:
    """Why a task failed: as it reported to Airflow, else as its driver recorded in the store; else where to look."""
    if reported:
        return {name: str(reported.get(name) or "") for name in ("kind", "what", "where", "do")}
    if stored:
        kind = str(stored.get("kind") or "")
        return {"kind": kind, "what": str(stored.get("message") or ""), "where": "", "do": remedy(kind)}
    return {
        "kind": "",
        "what": "The task left no reason: its worker was lost, or somebody marked it as failed.",
        "where": "",
        "do": "Read its log; then clear the task, or start the run again.",
    }


def progress(report: Mapping[str, Any], stage: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """How far a running stage is, how fast, and when it will be done; None before its first report.

    Returns:
        ``what``, ``done``, ``of``, ``percent``, ``per_minute`` (None before there is anything to count), ``finish``
        (ISO, UTC; None likewise).
    """
    began, reported = clock.instant(report.get("began")), clock.instant(report.get("at"))
    started = clock.instant(stage["started"])
    done, total = report.get("done"), report.get("of")
    if not (began and reported and isinstance(done, int) and isinstance(total, int) and total > 0) or (
        started and reported < started
    ):
        return None  # the report of an earlier try stays there
    seconds = (reported - began).total_seconds()
    rate = done / seconds if seconds > 0 and done > 0 else None
    finish = max(now, reported + timedelta(seconds=(total - done) / rate)) if rate else None
    return {
        "what": str(report.get("what") or "parts"),
        "done": done,
        "of": total,
        "percent": round(100 * done / total, 1),
        "per_minute": round(60 * rate, 3) if rate else None,
        "finish": _iso(finish),
    }


def _estimate(
    run: Run | None, stages: Sequence[Mapping[str, Any]], now: datetime, deadline: datetime
) -> dict[str, Any] | None:
    """The finish by the progress of the stage under way, with the budgets of those after it."""
    names = [stage["step"] for stage in stages]
    for number, stage in enumerate(stages):
        stage_finish = clock.instant((stage["progress"] or {}).get("finish"))
        if stage_finish:
            budgets = _budgets(run)
            if any(name not in budgets for name in names[number + 1 :]):
                return None
            finish = stage_finish + timedelta(seconds=sum(budgets[name] for name in names[number + 1 :]))
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
    budgets = (run.opened if run else {}).get("budgets")
    seconds = budgets.get("seconds", budgets) if isinstance(budgets, Mapping) else {}
    return {str(name): float(value) for name, value in seconds.items() if isinstance(value, int | float)}


def _forecast(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The last of the forecasts that the run made at its steps."""
    forecasts = [entry for entry in _entries(document) if clock.instant(entry.get("finish"))]
    if not forecasts:
        return None
    last, slack = forecasts[-1], forecasts[-1].get("slack")
    return {
        "at": str(last.get("at") or ""),
        "step": str(last.get("step") or ""),
        "finish": last["finish"],
        "slack": slack if isinstance(slack, int | float) else None,
    }


def _entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = document.get("entries")
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _left_out(stored: Folder) -> list[str]:
    """What policy left out, and what training skipped, as text."""
    measures = stored.get("train").get("left_out")
    lines = [_as_text(measure) for measure in measures] if isinstance(measures, list) else []
    if not lines:  # training has no result yet
        forecasts = _entries(stored.get(FORECAST))
        planned = forecasts[-1].get("left_out") if forecasts else None
        lines = [f"by the forecast: {_as_text(measure)}" for measure in planned] if isinstance(planned, list) else []
    skipped = stored.get("train").get("skipped")
    lines += [f"not trained: {_as_text(fit)}" for fit in skipped] if isinstance(skipped, list) else []
    return list(dict.fromkeys(lines))


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return str(value)


def _first_start(run: Run | None, stages: Sequence[Mapping[str, Any]]) -> datetime | None:
    if run and run.started:
        return run.started
    return min((moment for stage in stages if (moment := clock.instant(stage["started"]))), default=None)


def _last_end(run: Run | None, stages: Sequence[Mapping[str, Any]]) -> datetime | None:
    if run:
        return run.ended
    return max((moment for stage in stages if (moment := clock.instant(stage["ended"]))), default=None)


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
    """An address that may stand in a link: never a script, whatever the document holds."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None
