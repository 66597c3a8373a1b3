"""Opening a run that a person starts by a form, and that belongs to no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from afterbell.errors import PermanentError
from afterbell.run.job import run_slug


def open_admin_run(check_form: Callable[[Mapping[str, Any]], dict[str, str]], limit: timedelta) -> dict[str, Any]:
    """Check the form of the run of the current task, and name who started it.

    Args:
        check_form: the form's fields, checked once more than Airflow's own schema can; raises ``ConfigError``.
        limit: how long the run may take.

    Returns:
        ``session`` (the day, ISO), ``run_id``, ``started`` and ``deadline`` (ISO instants, UTC), ``replayed``,
        ``origin``, ``profile``, ``by``, and the fields.

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
    return {
        "session": now.date().isoformat(),
        "run_id": run_id,
        "started": now.isoformat(),
        "deadline": (now + limit).isoformat(),
        "replayed": False,
        "origin": "manual",
        "profile": "",
        "by": str(getattr(context["dag_run"], "triggering_user_name", None) or "unknown"),
        **fields,
    }
