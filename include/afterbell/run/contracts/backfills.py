"""Contracts of a backfill: its plan, and the two steps that fill a range."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, JsonValue

from afterbell.run.contracts.base import Figure, Inputs, Result


class BackfillPlanInputs(Inputs):
    """The request for a backfill.

    Attributes:
        request: its fields, which ``afterbell.backfill.request`` checks.
        reason: why.
        plan_only: whether nothing is to be filled.
        asked_by: who; empty if unknown.
    """

    request: Mapping[str, JsonValue]
    reason: str
    plan_only: bool
    asked_by: str = ""


class BackfillPlanResult(Result):
    """The plan.

    Attributes:
        backfill_id: names its documents.
        plan_only: whether nothing is to be filled.
        todo: chunks to fill, by step.
        plan: ``afterbell.backfill.documents.BackfillPlan`` as JSON, for the log.
    """

    backfill_id: str
    plan_only: bool
    todo: Mapping[str, int]
    plan: Mapping[str, JsonValue]


class BackfillFillInputs(Inputs):
    """The backfill whose plan is carried out."""

    backfill_id: str = Field(min_length=1)


class BackfillFillResult(Result):
    """The filled chunks, rows and sessions, the commits, and the seconds that it waited for daily runs."""

    backfill_id: str
    chunks: int
    rows: int
    sessions: int
    commit_ids: tuple[str, ...]
    waited: Figure
    noop: bool
