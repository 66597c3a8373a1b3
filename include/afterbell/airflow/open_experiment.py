"""Opening a run of `experiment`: the whole form is checked, its fields together, before anything is computed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from afterbell.airflow.artifact_access import open_artifacts
from afterbell.airflow.failures import condense_failures
from afterbell.calendar.sessions import Exchange
from afterbell.calendar.span import Span, read_span
from afterbell.config.platform import load_platform
from afterbell.errors import AfterbellError, ConfigError, PermanentError
from afterbell.experiments.check import ASIDE, Aside, World, aside_of, form_faults
from afterbell.experiments.request import ExperimentRequest, parse_request
from afterbell.run.contracts.opened import OpenedExperiment
from afterbell.run.job import run_slug
from afterbell.run.steps import EXPERIMENT_RUNS
from afterbell.training.spec import load_spec

_log = logging.getLogger(__name__)
LIMIT = timedelta(hours=24)


@task(task_id="open_experiment")
@condense_failures
def open_experiment() -> dict[str, JsonValue]:
    """Check the form, and name the experiment by its content.

    Returns:
        ``OpenedExperiment`` as JSON; its session is the last one that is used.
    """
    context = get_current_context()
    # The prefix separates its results from those of daily runs: budgets are not learned from them.
    run_id, now = f"{EXPERIMENT_RUNS}{context['run_id']}", datetime.now(UTC)
    try:
        run_slug(run_id)
        request, aside = check_form(context.get("params") or {})
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return OpenedExperiment(
        session=request.last,
        run_id=run_id,
        started=now,
        deadline=now + LIMIT,
        replayed=True,
        origin="manual",
        experiment=request.id,
        request=request.model_dump(mode="json"),
        by=str(getattr(context["dag_run"], "triggering_user_name", None) or "unknown"),
        note=aside.note,
        promote=aside.promote,
        profile=aside.profile,
    ).to_json()


def check_form(params: Mapping[str, object]) -> tuple[ExperimentRequest, Aside]:
    """The request, and ``note``, ``promote`` and ``profile``.

    Raises:
        ConfigError: fields are wrong, don't fit together, or need sessions that don't exist; the message names
            each and what to choose.
    """
    world = World(Exchange(load_platform().exchange), load_spec(), datetime.now(UTC), known_span())
    if faults := form_faults(params, world):
        reasons = "; ".join(f"{name}: {text}" for name, text in faults.items())
        raise ConfigError(f"the experiment was not started: {reasons}")
    return parse_request({name: value for name, value in params.items() if name not in ASIDE}), aside_of(params)


def known_span() -> Span | None:
    """The sessions that have bars; None if no run has recorded them, or the store can't be read."""
    try:
        return read_span(open_artifacts())
    except AfterbellError as error:
        # The steps check this as well, only later.
        _log.warning("the days are not compared with the data: %s: %s", type(error).__name__, error)
        return None
