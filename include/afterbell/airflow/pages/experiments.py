"""Experiments: who requested what, how far it is, its verdict, and the link to its report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import Field

from afterbell.airflow.pages.documents import Document, Documents
from afterbell.airflow.pages.experiment_runs import DAG, Details, failed_task, standing, task_at_work
from afterbell.airflow.pages.runs import Run
from afterbell.airflow.pages.stages import ProgressView, failure, progress
from afterbell.airflow.pages.views import FailureView, View
from afterbell.errors import ConfigError
from afterbell.run.contracts.base import Figure, Record, stored_as
from afterbell.run.contracts.models import ScorerMetrics
from afterbell.run.contracts.notes import StepFailure, StepProgress
from afterbell.run.job import run_slug

__all__ = ["COUNT", "DAG", "OPENER", "page"]
OPENER = "open_experiment"
COUNT = 20
_ID = re.compile(r"[0-9a-f]{16}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIELDS = ("name", "first", "last", "horizons", "families", "factor_sets", "trials", "cost_bps", "seed", "promote")
_UNDER_WAY = {"queued", "running"}


class ExperimentLine(View):
    """One run of the DAG.

    Attributes:
        run_id: Airflow's.
        state: Airflow's.
        standing: where it is, in words.
        failure: why it failed.
        progress: how far its step is.
        waiting_since: since when it waits for a person (ISO instant).
        started: ISO instant.
        experiment: its id; None where the run was not opened.
        by: who started it.
        note: what it is for.
        request: its fields, as text.
        verdict: of the gate; empty while there is none.
        reason: of the verdict.
        rank_ic: by horizon.
        has_report: whether there is one.
    """

    run_id: str
    state: str
    standing: Mapping[str, str]
    failure: FailureView | None
    progress: ProgressView | None
    waiting_since: Annotated[str | None, stored_as("asked")]
    started: str | None
    experiment: str | None
    by: str
    note: str
    request: Mapping[str, str]
    verdict: str
    reason: str
    rank_ic: Mapping[str, Figure | None]
    has_report: bool


class ExperimentFigures(Record):
    """``metrics.json`` of an experiment, as far as the page shows it."""

    verdict: str = ""
    reason: str = ""
    metrics: Mapping[str, ScorerMetrics] = Field(default_factory=dict)


Left = TypeVar("Left", StepFailure, StepProgress, ExperimentFigures)


def page(
    documents: Documents | None, runs: Sequence[Run], known: Mapping[str, Details], now: datetime, *, paused: bool
) -> list[ExperimentLine]:
    """One line a run of the DAG, newest first; three small documents of each experiment.

    Args:
        documents: the store; None where it can't be read.
        runs: of the DAG.
        known: details of each, by its id.
        now: the time.
        paused: whether the DAG is.
    """
    ids = {run.run_id: run.opened.experiment for run in runs}
    keys = [f"experiments/{experiment}/{name}.json" for experiment in dict.fromkeys(ids.values())
            if _ID.fullmatch(experiment) for name in ("request", "metrics")]  # fmt: skip
    keys += [key for run in runs if (key := _step_key(run, known.get(run.run_id, Details())))]
    contents = documents.documents(keys) if documents is not None else {}
    return [_line(run, ids[run.run_id], known.get(run.run_id, Details()), contents, now, paused) for run in runs]


def _step_key(run: Run, own: Details) -> str:
    """The document of the step that counts: why it failed, or how far it is; empty where there can be none."""
    task = task_at_work(own)
    step, kind = (failed_task(own), "failure") if run.state == "failed" else (task.name if task else "", "progress")
    if not step or not _DAY.fullmatch(run.session) or not run.opened.run_id:
        return ""
    try:
        return f"runs/{run.session}/{run_slug(run.opened.run_id)}/{step}.{kind}.json"
    except ConfigError:
        return ""


def _line(
    run: Run, experiment: str, own: Details, contents: Mapping[str, Document], now: datetime, paused: bool
) -> ExperimentLine:
    request = contents.get(f"experiments/{experiment}/request.json") or run.opened.request or own.conf
    stored = contents.get(f"experiments/{experiment}/metrics.json")
    figures = _read(stored, ExperimentFigures) or ExperimentFigures()
    requested = {
        **request,
        "promote": (own.conf.get("promote") if run.opened.promote is None else run.opened.promote) or None,
    }
    return ExperimentLine(
        run_id=run.run_id,
        state=run.state,
        standing=standing(run.state, own, paused=paused),
        failure=_failure(run, own, contents),
        progress=_progress(run, own, contents, now),
        waiting_since=own.question.asked_at.isoformat() if own.question and own.question.asked_at else None,
        started=run.started.isoformat() if run.started else None,
        experiment=experiment if _ID.fullmatch(experiment) else None,
        by=run.opened.by or own.by,
        note=_text(run.opened.note or own.conf.get("note")),
        request={name: _format_value(requested.get(name)) for name in _FIELDS if requested.get(name) is not None},
        verdict=figures.verdict,
        reason=figures.reason,
        rank_ic={name: values.rank_ic for name, values in sorted(figures.metrics.items())},
        has_report=bool(stored),
    )


def _failure(run: Run, own: Details, contents: Mapping[str, Document]) -> FailureView | None:
    """Why a run failed, and at which task; None where it didn't."""
    if run.state != "failed":
        return None
    task = failed_task(own)
    left = _read(contents.get(_step_key(run, own)), StepFailure)
    return failure(own.failures.get(task), left).model_copy(update={"task": task})


def _progress(run: Run, own: Details, contents: Mapping[str, Document], now: datetime) -> ProgressView | None:
    task, key = task_at_work(own), _step_key(run, own)
    if run.state not in _UNDER_WAY or task is None or key not in contents:
        return None
    return progress(_read(contents[key], StepProgress), task.started, now)


def _read(document: Document | None, model: type[Left]) -> Left | None:
    try:
        return model.read(document) if document else None
    except ConfigError:
        return None


def _text(value: object) -> str:
    return str(value or "")


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
