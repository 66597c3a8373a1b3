"""Opening a run of `experiment`: the whole form, its fields together, before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from afterbell.airflow.failures import plainly
from afterbell.airflow.forms import ONE_LINE, PROFILE
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import run_slug
from afterbell.cluster.profile import load_profile
from afterbell.cluster.steps import EXPERIMENT_RUNS
from afterbell.config.platform import load_platform
from afterbell.errors import ConfigError, PermanentError
from afterbell.experiments.draw import trials
from afterbell.experiments.request import FACTOR_SETS, Request, parse_request, require_folds
from afterbell.training.spec import load_spec

_ASIDE = ("note", "promote", "profile")
"""Fields that decide nothing of what comes out: the same experiment under another note is the same."""
LONGEST_NOTE = 400
LIMIT = timedelta(hours=24)


@task(task_id="open_experiment")
@plainly
def open_experiment() -> dict[str, Any]:
    """Check the form, and name the experiment by its content.

    Returns:
        ``session`` (the last one that is used, ISO), ``run_id``, ``started`` and ``deadline`` (ISO instants, UTC),
        ``replayed``, ``origin``, ``profile``; ``experiment`` (its id), ``request``, ``note``, ``promote``, ``by``.
    """
    context = get_current_context()
    # Its results are told from those of daily runs by the name: budgets are not learned from them.
    run_id, now = f"{EXPERIMENT_RUNS}{context['run_id']}", datetime.now(UTC)
    try:
        run_slug(run_id)
        request, aside = check_form(context.get("params") or {})
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return {
        "session": request.last.isoformat(),
        "run_id": run_id,
        "started": now.isoformat(),
        "deadline": (now + LIMIT).isoformat(),
        "replayed": True,
        "origin": "manual",
        "experiment": request.id,
        "request": request.model_dump(mode="json"),
        "by": str(getattr(context["dag_run"], "triggering_user_name", None) or "unknown"),
        **aside,
    }


def check_form(params: Mapping[str, Any]) -> tuple[Request, dict[str, Any]]:
    """The request, and ``note``, ``promote`` and ``profile``.

    Raises:
        ConfigError: a field is wrong, or fields don't fit together; the message names them and what to choose.
        NotASessionError: the exchange does not trade on the last day.
        CalendarBoundsError: the calendar does not reach a day.
    """
    request = parse_request({name: value for name, value in params.items() if name not in _ASIDE})
    if unknown := [name for name in request.factor_sets if name not in FACTOR_SETS]:
        raise ConfigError(f"factor_sets: {unknown[0]!r} is not one of {', '.join(FACTOR_SETS)}: nothing was started")
    exchange, base = Exchange(load_platform().exchange), load_spec()
    exchange.require(request.last)
    require_folds(request, base, len(exchange.between(request.first, request.last)))
    trials(request.spec(base), request.trials)
    return request, _aside(params)


def _aside(params: Mapping[str, Any]) -> dict[str, Any]:
    note, profile, promote = params.get("note") or "", params.get("profile") or "", params.get("promote", False)
    if not isinstance(note, str) or len(note) > LONGEST_NOTE or not re.search(ONE_LINE, note):
        raise ConfigError(f"note must be one line of {LONGEST_NOTE} characters at most; found {note!r:.120}")
    if not isinstance(profile, str) or not re.search(PROFILE, profile):
        raise ConfigError(f"profile {profile!r} is not the name of a file in include/config/clusters")
    if not isinstance(promote, bool):
        raise ConfigError(f"promote must be true or false; found {promote!r:.120}")
    if profile:
        load_profile(profile)
    return {"note": note, "promote": promote, "profile": profile}
