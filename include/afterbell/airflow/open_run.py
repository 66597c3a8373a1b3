"""The first task of a daily run: its session, its origin, and its deadline."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from afterbell.airflow.failures import condense_failures
from afterbell.airflow.forecasting import budgets_for
from afterbell.calendar.intervals import session_of
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.profile import load_profile
from afterbell.config.platform import load_platform
from afterbell.errors import ConfigError, PermanentError
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.job import run_slug
from afterbell.sla.deadline import deadline_for

_log = logging.getLogger(__name__)
PATIENCE = timedelta(hours=4)
"""A backfill's budget: nobody waits for it, and the daily run goes first. Airflow ends a run after the same time."""
SCHEDULED, MANUAL, BACKFILL = "scheduled", "manual", "backfill"


@task(task_id="open_run")
@condense_failures
def open_run() -> dict[str, JsonValue]:
    """Check the session against the exchange's calendar and set the deadline of the run.

    Returns:
        ``OpenedRun`` as JSON; a backfill has no budgets.
    """
    context = get_current_context()
    run, params = context["dag_run"], context.get("params") or {}
    try:
        exchange = Exchange(load_platform().exchange)
        origin = origin_of(run.run_type)
        session = session_for(exchange, origin, str(params.get("session") or ""), run.data_interval_start)
        opened = describe(exchange, session, str(run.run_id), origin, str(params.get("profile") or ""))
        if origin != BACKFILL:
            opened = opened.model_copy(update={"budgets": budgets_for(exchange, session, _log)})
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return opened.to_json()


def describe(exchange: Exchange, session: date, run_id: str, origin: str, profile: str) -> OpenedRun:
    """Arguments common to every step of the run.

    Raises:
        ConfigError: the run's id is not valid, or there is no such profile.
        NotASessionError: the exchange does not trade on that day.
    """
    run_slug(run_id)
    if profile:
        load_profile(profile)
    started = datetime.now(UTC)
    deadline = deadline_for(exchange, session, started, PATIENCE if origin == BACKFILL else None)
    return OpenedRun(
        session=session,
        run_id=run_id,
        started=started,
        deadline=deadline.at,
        replayed=deadline.replayed,
        origin=origin,
        profile=profile,
    )


def origin_of(run_type: Any) -> str:
    """The origin of a run, from Airflow's run type: all but scheduled runs and backfills were started manually."""
    origin = str(getattr(run_type, "value", run_type))
    return origin if origin in {SCHEDULED, BACKFILL} else MANUAL


def session_for(exchange: Exchange, origin: str, named: str, interval_start: datetime | None) -> date:
    """The session of a run: that of its data interval, or the one named by whoever started it manually.

    A run started manually must name it: its logical date is the time of a click, or missing.

    Raises:
        ConfigError: no session was named, it is not a date, or a backfill was given one for all of its runs.
        NotASessionError: the data interval is not that of a session.
    """
    if origin == MANUAL:
        if not named:
            raise ConfigError(
                "no session was given: a run that is started manually must name its session, such as 2026-06-30 "
                '(in the form, or --conf \'{"session": "2026-06-30"}\'); the date of the run is not used'
            )
        return parse_session(named)
    if interval_start is None:
        raise ConfigError(f"a {origin} run has no data interval: the DAG's schedule is not TradingSessions")
    session = session_of(exchange, interval_start)
    if named and named != session.isoformat():
        raise ConfigError(
            f"this {origin} run is for session {session}, but was given the session {named}: leave the field out; each "
            "run of a backfill takes the session of its own date"
        )
    return session


def parse_session(text: str) -> date:
    """A session from a form: an ISO date and nothing else.

    Raises:
        ConfigError: it is not an ISO date.
    """
    try:
        session = date.fromisoformat(text)
    except ValueError:
        session = None
    if session is None or session.isoformat() != text:
        raise ConfigError(
            f"session {text!r} is not a date: give one like 2026-06-30 (in the form, or --conf session=...)"
        )
    return session
