"""The step `backfill_plan`: ``python -m afterbell.backfill`` with the arguments of every step."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from afterbell.backfill.documents import BackfillAttempt, BackfillPlan, BackfillRecord
from afterbell.backfill.planner import survey
from afterbell.backfill.repository import Shelf
from afterbell.backfill.request import check_reason, check_request
from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.config.runtime import Runtime
from afterbell.run.contracts.backfills import BackfillPlanInputs, BackfillPlanResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import BACKFILL_PLAN
from afterbell.stores.artifacts import ArtifactStore


def plan_and_record(runtime: Runtime, record: BackfillRecord) -> BackfillPlan:
    """Plan the request of a record, and store both."""
    plan = survey(runtime, record.request, Exchange(load_platform().exchange), record.requested_at)
    shelf = Shelf(ArtifactStore(runtime.s3))
    shelf.keep(record)
    shelf.put_plan(plan)
    return plan


def main(args: StepArgs[BackfillPlanInputs]) -> BackfillPlanResult:
    """Plan the request; returns the number of chunks to do by step, and the whole plan for the log."""
    now = datetime.now(UTC)
    # Checked again: whatever reaches a step may have been typed by hand.
    request = check_request(args.inputs.request, Exchange(load_platform().exchange), now.date())
    reason, user = check_reason(args.inputs.reason), args.inputs.asked_by
    runtime = Runtime.from_env().until(args.deadline)
    record = BackfillRecord(
        backfill_id=request.backfill_id, request=request, reason=reason, requested_by=user, requested_at=now
    )
    plan = plan_and_record(runtime, record)
    only = args.inputs.plan_only
    if not only:
        attempt = BackfillAttempt(run_id=args.run_id, started_at=now, started_by=user, reason=reason)
        Shelf(ArtifactStore(runtime.s3)).began(plan.backfill_id, attempt)
    return BackfillPlanResult(
        backfill_id=plan.backfill_id,
        plan_only=only,
        todo={step: 0 if only else count for step, count in plan.todo().items()},
        plan=plan.model_dump(mode="json"),
    )


if __name__ == "__main__":
    sys.exit(run_step(BACKFILL_PLAN, main))
