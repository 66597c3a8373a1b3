"""Opening a run that a person starts by a form, and that belongs to no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from afterbell.errors import PermanentError
from afterbell.run.contracts.opened import OpenedReleaseAdmin, OpenedReleaseDrop
from afterbell.run.job import run_slug

Opened = TypeVar("Opened", OpenedReleaseAdmin, OpenedReleaseDrop)


def open_admin_run(
    model: type[Opened], check_form: Callable[[Mapping[str, object]], dict[str, str]], limit: timedelta
) -> Opened:
    """Check the form of the run of the current task, and name who started it.

    Args:
        model: of the run.
        check_form: the form's fields, checked once more than Airflow's own schema can; raises ``ConfigError``.
        limit: how long the run may take.

    Returns:
        The run; its session is the day.

    Raises:
        AirflowFailException: a field is wrong; trying again cannot fix it.
    """
    context = get_current_context()
    run_id, now = str(context["run_id"]), datetime.now(UTC)
    try:
        run_slug(run_id)
        fields = check_form(context.get("params") or {})
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return model.model_validate(
        fields
        | {
            "session": now.date(),
            "run_id": run_id,
            "started": now,
            "deadline": now + limit,
            "replayed": False,
            "origin": "manual",
            "profile": "",
            "by": str(getattr(context["dag_run"], "triggering_user_name", None) or "unknown"),
        }
    )
