"""``run``: the DAG for one session, in one process, with its progress on the terminal."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from afterbell.calendar.sessions import Exchange
from afterbell.cli.airflow_run import Prepared, prepared
from afterbell.cli.context import Opened, stores
from afterbell.cli.options import AsJson, Profile
from afterbell.cli.output import print_json, print_text, report_errors
from afterbell.cli.summary import RunSummary, print_summary, summarize
from afterbell.cluster.profile import load_profile
from afterbell.config.platform import load_platform
from afterbell.sla.deadline import deadline_for

DAG = "daily_retraining"


@dataclass(frozen=True)
class RunRequest:
    """A requested run, checked before anything is started."""

    session: date
    profile: str


def check_request(session: date, profile: str | None) -> RunRequest:
    """Check session and profile.

    Raises:
        NotASessionError: the exchange does not trade on that day.
        CalendarBoundsError: the calendar does not reach it.
        ConfigError: there is no such profile.
    """
    platform = load_platform()
    Exchange(platform.exchange).require(session)
    name = profile or platform.cluster
    load_profile(name)
    return RunRequest(session, name)


def starting(opened: Opened, request: RunRequest) -> AbstractContextManager[Prepared]:
    """Airflow, starting for the requested run, on open stores."""
    return prepared(opened, DAG, {"session": request.session.isoformat()}, request.profile)


def run_in(opened: Opened, request: RunRequest, airflow: Prepared, *, quiet: bool) -> RunSummary:
    """Run the DAG; returns the summary of the run.

    Raises:
        StepFailedError: a step failed; the message is the step's own and names the log.
    """
    began = time.monotonic()
    started = datetime.now(UTC)
    deadline = deadline_for(Exchange(opened.platform.exchange), request.session, started)
    done = airflow.run(None if quiet else print_text)
    return summarize(opened, request.session, done, deadline, time.monotonic() - began)


@report_errors
def run(
    session: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The exchange session to retrain for.")],
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Run the daily DAG for one session, in one process, to its end."""
    request = check_request(session.date(), profile)
    with stores("s3", "hdfs", quiet=as_json) as opened, starting(opened, request) as airflow:
        summary = run_in(opened, request, airflow, quiet=as_json)
    print_json(summary.to_json()) if as_json else print_summary(summary)
