"""The tasks of ``backfill_history``: open the backfill, plan it, fill it step by step."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context, XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from pydantic import JsonValue

from afterbell.airflow.artifact_access import open_artifacts
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.library_step import LibraryStepOperator
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.backfill.repository import Shelf
from afterbell.backfill.request import BackfillRequest, check_reason, check_request
from afterbell.backfill.throttle import share_conf, share_environment
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.config.platform import load_platform
from afterbell.errors import AfterbellError, ConfigError, PermanentError
from afterbell.run.contracts.backfills import BackfillPlanResult
from afterbell.run.contracts.opened import OpenedBackfill
from afterbell.run.job import run_slug

TIME_LIMIT = timedelta(hours=24)
"""How long a backfill may take; one that is over starts again where it stopped."""


@task(task_id="open_backfill")
@condense_failures
def open_backfill() -> dict[str, JsonValue]:
    """Check every field of the form before anything is started; a wrong field fails the run.

    Returns:
        ``OpenedBackfill`` as JSON; ``session`` is the day.
    """
    context = get_current_context()
    now = datetime.now(UTC)
    try:
        fields = check_form(context.get("params") or {}, now)
        run_slug(str(context["run_id"]))
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return OpenedBackfill(
        session=now.date(),
        run_id=str(context["run_id"]),
        started=now,
        deadline=now + TIME_LIMIT,
        replayed=True,
        origin="backfill",
        asked_by=str(getattr(context["dag_run"], "triggering_user_name", None) or ""),
        request=fields.request.model_dump(mode="json"),
        reason=fields.reason,
        plan_only=fields.plan_only,
        profile=fields.profile,
    ).to_json()


@dataclass(frozen=True)
class BackfillFields:
    """The fields of the form: the request, why, whether only a plan is wanted, and the cluster profile or nothing."""

    request: BackfillRequest
    reason: str
    plan_only: bool
    profile: str


def check_form(params: Mapping[str, object], now: datetime) -> BackfillFields:
    """The fields of the form, checked.

    Raises:
        ConfigError: a field is wrong; the message names it, what was found, and a good value.
    """
    plan_only, profile = params.get("plan_only", False), params.get("profile") or ""
    if not isinstance(plan_only, bool):
        raise ConfigError(f"plan_only is {plan_only!r}: give true or false")
    if not isinstance(profile, str):
        raise ConfigError(f"profile is {profile!r}: give the name of a cluster profile, or nothing")
    if profile:
        load_profile(profile)
    request = check_request(params, Exchange(load_platform().exchange), now.date())
    return BackfillFields(request, check_reason(params.get("reason")), plan_only, profile)


class BackfillStepOperator(SparkStepOperator):
    """A step of a backfill on Spark: skipped where the plan has nothing for it, and of the lowest priority.

    Its ``results`` are the plan's alone.
    """

    def execute(self, context: Context) -> dict[str, JsonValue]:  # type: ignore[override]
        """Submit the step, if there is something to do.

        Raises:
            AirflowSkipException: there is nothing to do.
        """
        planned = BackfillPlanResult.read(self.results[0])
        if not planned.todo[self.step.removeprefix("backfill_")]:
            why = "only the plan was requested" if planned.plan_only else "the plan has nothing for it"
            raise AirflowSkipException(f"{self.step}: {why}")
        return super().execute(context)

    def on_kill(self) -> None:
        """End the driver, and note it in the record of the backfill, which would show it as running otherwise."""
        super().on_kill()
        with suppress(AfterbellError):
            now, step = datetime.now(UTC), self.step.removeprefix("backfill_")
            shelf = Shelf(open_artifacts())
            shelf.change(BackfillPlanResult.read(self.results[0]).backfill_id, lambda state: state.cancelled(step, now))

    def besides(self, cluster: ClusterProfile) -> tuple[dict[str, str], dict[str, str]]:
        """A share of the cluster that leaves room for the daily run."""
        return share_conf(cluster), share_environment()


def plan_backfill(run: Any) -> XComArg:
    """Add the plan: what is missing, its size and time, recorded before anything is done."""
    return XComArg(
        LibraryStepOperator(task_id="plan", step="backfill_plan", module="afterbell.backfill", run=run, results=[run])
    )


def backfill_step(step: str, run: Any, planned: Any) -> XComArg:
    """Add ``spark_jobs/backfill_<step>.py``; it runs where the steps before it were done or had nothing to do."""
    return XComArg(
        BackfillStepOperator(
            task_id=step, step=f"backfill_{step}", run=run, results=[planned], trigger_rule="none_failed"
        )
    )
