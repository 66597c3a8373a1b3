"""Contracts of the tasks that open a run, and of the one that asks a person: results that steps and pages read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import JsonValue

from afterbell.run.contracts.base import Figure, Instant, Record


class BudgetFigures(Record):
    """Seconds that each step may take, the seconds kept free, and how many measurements stand behind a figure."""

    seconds: Mapping[str, Figure]
    reserve: Figure
    learned: Mapping[str, int]


class OpenedRun(Record):
    """Arguments common to every step of a run.

    Attributes:
        session: the session, or the day of a run that belongs to none.
        run_id: names the run's documents.
        deadline: UTC.
        origin: ``scheduled``, ``manual`` or ``backfill``.
        profile: the cluster profile; empty for that of the Spark connection.
        started: when it was opened, UTC.
        replayed: whether the session is long past.
        budgets: of its steps, where there are any.
    """

    session: date
    run_id: str
    deadline: Instant
    origin: str
    profile: str = ""
    started: Instant | None = None
    replayed: bool = False
    budgets: BudgetFigures | None = None


class OpenedBackfill(OpenedRun):
    """A backfill, with its request, as ``BackfillPlanInputs`` has it."""

    request: Mapping[str, JsonValue]
    reason: str
    plan_only: bool
    asked_by: str


class OpenedExperiment(OpenedRun):
    """An experiment: its id and request, what it is for, whether it may be promoted, and who started it."""

    experiment: str
    request: Mapping[str, JsonValue]
    note: str | None
    promote: bool
    by: str


class OpenedReleaseAdmin(OpenedRun):
    """A requested action on a release, as ``CheckReleaseInputs`` has it."""

    action: str
    release_id: str
    reason: str
    by: str


class OpenedReleaseDrop(OpenedRun):
    """The refused drop that a person releases."""

    refusal_id: str
    reason: str
    by: str


class OpenedMaintenance(OpenedRun):
    """The instant that ages count from, and whether only to report."""

    now: Instant
    dry_run: bool


class Approval(Record):
    """A person's answer: who approved, or None; ``barred`` is the user whose approval did not count."""

    approved_by: str | None
    barred: str = ""
