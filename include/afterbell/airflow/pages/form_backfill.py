"""The form of a backfill of a range: its fields, the faults of what was typed, and a preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from afterbell.airflow.backfill_form import FORM
from afterbell.airflow.forms import cluster_profiles
from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.form_fields import Field, field_of
from afterbell.airflow.pages.view import number
from afterbell.backfill.documents import key_of
from afterbell.backfill.request import (
    FACTOR_SETS,
    STEPS,
    BackfillRequest,
    check_day,
    check_names,
    check_reason,
    check_request,
    check_size,
    chunks_of,
)
from afterbell.cluster.profile import load_profile
from afterbell.durations import format_duration as span
from afterbell.errors import AfterbellError, ConfigError, PermanentError
from afterbell.experiments.check import World

DAG = "backfill_history"
_ASIDE = ("reason", "plan_only", "profile")
_NO_PLAN = "unknown: this range has no plan yet. The first step makes one; with Plan only nothing else is done"


def fields(world: World) -> list[Field]:
    """The fields in their order; days are those of the calendar up to today."""
    form = {name: field_of(name, parameter) for name, parameter in FORM.items()}
    low, high = world.exchange.first.isoformat(), world.now.date().isoformat()
    form |= {name: replace(form[name], low=low, high=high) for name in ("first", "last")}
    form["profile"] = replace(form["profile"], options=tuple(cluster_profiles()))
    return list(form.values())


def faults(params: Mapping[str, object], world: World) -> dict[str, str]:
    """The faults by field: each by itself, then the range as a whole."""
    checks: dict[str, Callable[[Any], object]] = {
        "first": lambda given: check_day(given, "first"),
        "last": lambda given: check_day(given, "last"),
        "reason": check_reason,
        "steps": lambda given: check_names(given, "steps", STEPS),
        "factor_sets": lambda given: check_names(given or (), "factor_sets", FACTOR_SETS, empty=True),
        "chunk_sessions": check_size,
        "plan_only": _check_switch,
        "profile": _check_profile,
    }
    messages = {}
    for name, check in checks.items():
        try:
            check(params.get(name))
            _check_once(name, params.get(name))
        except PermanentError as error:
            messages[name] = " ".join(str(error).split()).replace(f"{name} is None", "nothing was given", 1)
    if not {"first", "last"} & set(messages):
        try:
            check_request({name: params[name] for name in ("first", "last")}, world.exchange, world.now.date())
        except PermanentError as error:
            messages["last" if str(error).startswith("last") else "first"] = " ".join(str(error).split())
    return messages


def _check_once(name: str, given: Any) -> None:
    if isinstance(given, list) and len(set(given)) < len(given):
        raise ConfigError(f"{name} must list each value once; found {given!r:.120}")


def _check_switch(given: Any) -> None:
    if not isinstance(given, bool):
        raise ConfigError(f"plan_only is {given!r:.80}: give true or false")


def _check_profile(given: Any) -> None:
    if given:
        load_profile(str(given))


def request_of(params: Mapping[str, object], world: World) -> BackfillRequest:
    """The request of a form.

    Raises:
        ConfigError: a field is wrong, or the range.
        CalendarBoundsError: the calendar does not reach the range.
    """
    given = {name: value for name, value in params.items() if name not in _ASIDE and value is not None}
    return check_request(given, world.exchange, world.now.date())


def preview(params: Mapping[str, object], world: World, documents: Documents | None, going: int) -> dict[str, object]:
    """The preview of a valid form: rows for people, the same figures for programs, and the id that it would get.

    Args:
        params: of the form.
        world: it was checked against.
        documents: the store; None where it can't be read.
        going: backfills of a range that are queued or running.
    """
    request = request_of(params, world)
    chunks = chunks_of(request, world.exchange)
    sessions = [day for chunk in chunks for day in chunk.sessions]
    planned = _planned(documents, request)
    seconds = planned.get("seconds")
    time = f"about {span(seconds)} in all, by its last plan" if isinstance(seconds, int | float) else _NO_PLAN
    then = "the plan only" if params.get("plan_only") else "the plan, and then the work that it lists"
    rows = [
        {"name": "Sessions", "text": _sessions(sessions, world)},
        {"name": "Chunks", "text": f"{len(chunks)} of {request.chunk_sessions} sessions at most, the last one of "
                                   f"{len(chunks[-1].sessions)}"},
        {"name": "Steps", "text": _steps(request)},
        {"name": "Time", "text": time},
        {"name": "Then", "text": then},
    ]  # fmt: skip
    if going:
        rows.append({"name": "Before it", "text": f"{going} other backfills queued or running: they run one at a time"})
    return {
        "rows": rows, "backfill": request.backfill_id, "known": bool(planned), "sessions": len(sessions),
        "chunks": len(chunks), "seconds": seconds,
    }  # fmt: skip


def _planned(documents: Documents | None, request: BackfillRequest) -> Mapping[str, object]:
    """An earlier plan of the same backfill; empty where none was made, or the store can't be read."""
    key = key_of(request.backfill_id, "plan")
    try:
        return documents.documents([key]).get(key, {}) if documents is not None else {}
    except AfterbellError:
        return {}  # the page shows already that the store can't be read


def _sessions(sessions: Sequence[date], world: World) -> str:
    summary = f"{number(len(sessions))}, from {sessions[0]} to {sessions[-1]}"
    if world.span is None:
        return f"{summary} by the calendar. Which of them have bars is not known yet; the plan finds out"
    inside = sum(world.span.first <= day <= world.span.last for day in sessions)
    return (
        f"{summary}. There are bars from {world.span.first} to {world.span.last}: {number(inside)} of these sessions "
        "lie within that range, and existing data is not computed again"
    )


def _steps(request: BackfillRequest) -> str:
    sets = ", ".join(request.factor_sets) or "those of the daily models"
    descriptions = {"ingest": "ingest and audit drops", "features": f"compute factor sets ({sets})"}
    return ", then ".join(descriptions[step] for step in request.steps)
