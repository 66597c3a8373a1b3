"""The deadline of a run for Airflow's deadline alerts: the same instant that its steps are given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from afterbell.calendar import sessions
from afterbell.calendar.intervals import session_of
from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.errors import PermanentError
from afterbell.sla.policy import load_policy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MISSED = "afterbell.airflow.notices.deadline_missed"
"""Called in the triggerer when a deadline is missed; given by name, so that parsing a DAG does not import it."""


class SessionDeadline(BaseDeadlineReference):
    """The closing bell of the run's session; the alert adds the budget.

    Only runs of the newest session have a deadline. Backfills have none, nor have scheduled runs of older sessions
    (catching up). A manual run has one if it is for the newest session and its deadline is still to come. A scheduled
    run of the newest session has its deadline even when it is created too late.

    Args:
        exchange: ISO 10383 code.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def __init__(self, exchange: str = "XNYS") -> None:
        self.exchange = exchange

    def serialize_reference(self) -> dict[str, str]:
        """The kind and the exchange."""
        return super().serialize_reference() | {"exchange": self.exchange}

    @classmethod
    def deserialize_reference(cls, reference_data: Mapping[str, str]) -> SessionDeadline:
        """The reference that ``serialize_reference`` wrote."""
        return cls(reference_data["exchange"])

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models.dagrun import DagRun  # noqa: PLC0415 - only where the database is
        from sqlalchemy import select  # noqa: PLC0415

        query = select(DagRun.run_type, DagRun.data_interval_start, DagRun.conf)
        row = session.execute(query.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
        if row is None:
            return None
        return bell(Exchange(self.exchange), str(row[0]), row[1], str((row[2] or {}).get("session") or ""))


def bell(exchange: Exchange, run_type: str, start: datetime | None, named: str) -> datetime | None:
    """The closing bell that the deadline of a run counts from (UTC); None where it has no deadline.

    Args:
        exchange: the exchange whose bell it is.
        run_type: Airflow's: ``scheduled``, ``manual``, ``backfill`` and others.
        start: where the run's data interval begins; None for a manual run without a logical date.
        named: the session that the run was given; empty if none was.
    """
    if start is None or run_type not in {"scheduled", "manual"}:
        return None
    now = sessions.now()
    try:
        session = session_of(exchange, start)
        if session != exchange.last_closed(now):
            return None
    except PermanentError:
        return None  # the first task of the run reports what is wrong
    close = exchange.close(session)
    if run_type == "manual" and (named != session.isoformat() or now > close + load_policy().budget):
        return None
    return close.astimezone(UTC)


def session_deadline() -> DeadlineAlert:
    """The alert of a DAG that runs once a session of the platform's exchange."""
    reference = SessionDeadline(load_platform().exchange)
    return DeadlineAlert(
        reference, interval=load_policy().budget, callback=AsyncCallback(MISSED), name="session_deadline"
    )
