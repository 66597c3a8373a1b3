"""The form of an experiment: its fields, the faults of what was typed, and a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from afterbell.airflow.experiment_form import FORM
from afterbell.airflow.forms import cluster_profiles
from afterbell.airflow.pages import clock
from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.estimate import Pace, pace_of_daily_runs, pace_of_experiments
from afterbell.airflow.pages.form_fields import Field, field_of
from afterbell.airflow.pages.runs import Run
from afterbell.airflow.pages.view import number
from afterbell.calendar.span import KEY, Span, parse_span
from afterbell.durations import format_duration as span
from afterbell.errors import AfterbellError
from afterbell.experiments.check import ASIDE, World, form_faults
from afterbell.experiments.outline import Outline, outline
from afterbell.experiments.request import ExperimentRequest, parse_request
from afterbell.training.spec import load_spec

DAG = "experiment"


def world_of(documents: Documents | None, now: datetime) -> World:
    """The data that the form is checked against; its sessions are known once a run has recorded them in the store.

    Raises:
        StoreUnavailableError, StoreConfigError: the store can't be read.
        PermanentError: the document is not valid.
    """
    body = documents.bodies([KEY]).get(KEY) if documents is not None else None
    known: Span | None = None if body is None else parse_span(body)
    return World(clock.exchange(), load_spec(), now, known)


def fields(world: World) -> list[Field]:
    """The fields in their order; days lie within the data, or within what the calendar knows to be over."""
    closed = world.exchange.last_closed(world.now)
    low = world.span.first if world.span else world.exchange.first
    high = world.span.last if world.span else closed
    form = {name: field_of(name, parameter) for name, parameter in FORM.items()}
    form |= {name: replace(form[name], low=low.isoformat(), high=high.isoformat()) for name in ("first", "last")}
    if world.span:
        form["first"] = replace(form["first"], default=(low.isoformat(),))
    form["last"] = replace(form["last"], default=(high.isoformat(),))
    form["profile"] = replace(form["profile"], options=tuple(cluster_profiles()))
    return list(form.values())


def faults(params: Mapping[str, object], world: World) -> dict[str, str]:
    """The faults by field."""
    return form_faults(params, world)


def request_of(params: Mapping[str, object]) -> ExperimentRequest:
    """The request of a form without faults."""
    return parse_request({name: value for name, value in params.items() if name not in ASIDE})


def preview(
    params: Mapping[str, object],
    world: World,
    documents: Documents | None,
    earlier: Sequence[Run],
    daily: Sequence[Run],
) -> dict[str, object]:
    """The preview of a valid form: rows for people, the same figures for programs, and the id that it would get.

    Args:
        params: of the form.
        world: it was checked against.
        documents: the store; None where it can't be read.
        earlier: experiments, newest first.
        daily: daily runs, newest first.
    """
    request = request_of(params)
    sessions = world.sessions(request.first, request.last)
    work = outline(request, world.base, len(sessions))
    pace, known, why = None, False, "no experiment has run yet"
    try:
        if documents is not None:
            pace = pace_of_experiments(documents, earlier, world) or pace_of_daily_runs(documents, daily)
            key = f"experiments/{request.id}/metrics.json"
            known = bool(documents.documents([key]))
    except AfterbellError:
        documents = None
    if documents is None:
        pace, why = None, "the artifact store can't be read now"
    seconds = None if pace is None else round(pace.seconds(work.fits), 1)
    return {
        "rows": [
            {"name": "Sessions", "text": _sessions(sessions, world)},
            {"name": "Folds", "text": _folds(work, world)},
            {"name": "Fits", "text": _fits(work, request)},
            {"name": "Time", "text": _time(pace, seconds, work, why)},
            {"name": "Then", "text": _then(params)},
        ],
        "experiment": request.id,
        "known": known,
        "sessions": len(sessions),
        "folds": {str(horizon): count for horizon, count in work.folds.items()},
        "fits": work.fits,
        "seconds": seconds,
    }


def _sessions(sessions: Sequence[date], world: World) -> str:
    summary = f"{len(sessions)}, from {sessions[0]} to {sessions[-1]}"
    if world.span is None:
        return f"{summary} by the calendar. How many of them have bars is not known yet; the first step finds out"
    return f"{summary}; there are bars from {world.span.first} to {world.span.last}"


def _folds(work: Outline, world: World) -> str:
    counts = ", ".join(f"{count} for horizon {horizon}" for horizon, count in work.folds.items())
    return f"{counts}, of {world.base.split.test_sessions} sessions each"


def _fits(work: Outline, request: ExperimentRequest) -> str:
    families = (
        f"{_count_of(len(request.families), 'family', 'families')} and {_count_of(len(request.horizons), 'horizon')}"
    )
    if request.trials == 1:
        return f"{number(work.fits)}: each fold and a final one, for {families}"
    return (
        f"{number(work.fits)}: {number(work.choice)} to choose among {request.trials} trials, {number(work.report)} to "
        f"report the chosen one, for {families}"
    )


def _time(pace: Pace | None, seconds: float | None, work: Outline, why: str) -> str:
    if pace is None or seconds is None:
        return f"unknown: {why}"
    runs = f"the last {pace.kind}" if pace.runs == 1 else f"the last {pace.runs} {pace.kind}s"
    if pace.others is None:
        return f"about {span(seconds)} to train: {number(work.fits)} fits at the pace of {runs}; no experiment has run"
    return (
        f"about {span(seconds)}: {span(pace.fit)} a fit and {span(pace.others)} for the other steps, as in {runs}. "
        "Factor sets that aren't stored yet take longer"
    )


def _then(params: Mapping[str, object]) -> str:
    if params.get("promote"):
        return "a report; if the models pass the gate, a person decides whether they become champion"
    return "a report; nothing is promoted"


def _count_of(count: int, singular: str, plural: str = "") -> str:
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
