"""Opening a run of `release_drop`: the form's fields, checked once more than Airflow's own schema can."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from afterbell.airflow.forms import ONE_LINE, REFUSAL_ID
from afterbell.cluster.job import run_slug
from afterbell.errors import ConfigError, PermanentError

LIMIT = timedelta(hours=1)


@task(task_id="open_release_drop")
def open_release_drop() -> dict[str, Any]:
    """Check the form, and say who asks.

    Returns:
        ``session`` (the day, ISO), ``run_id``, ``started`` and ``deadline`` (ISO instants, UTC), ``replayed``,
        ``origin``, ``profile``, ``refusal_id``, ``reason``, ``by``.
    """
    context = get_current_context()
    run_id, now = str(context["run_id"]), datetime.now(UTC)
    try:
        run_slug(run_id)
        asked = check_form(context.get("params") or {})
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    return {
        "session": now.date().isoformat(),
        "run_id": run_id,
        "started": now.isoformat(),
        "deadline": (now + LIMIT).isoformat(),
        "replayed": False,
        "origin": "manual",
        "profile": "",
        "by": str(getattr(context["dag_run"], "triggering_user_name", None) or "unknown"),
        **asked,
    }


def check_form(params: Mapping[str, Any]) -> dict[str, str]:
    """``refusal_id`` and ``reason`` out of the form.

    Raises:
        ConfigError: one of them is not what it may be.
    """
    refusal_id, reason = str(params.get("refusal_id") or ""), str(params.get("reason") or "").strip()
    if not re.search(REFUSAL_ID, refusal_id):
        raise ConfigError(f"refusal_id {refusal_id!r} is not 16 hexadecimal digits, as the run's log has them")
    if not re.search(ONE_LINE, reason) or len(reason) < 3:
        raise ConfigError(f"reason {reason!r}: give one line of 3 to 500 characters, it is kept for good")
    return {"refusal_id": refusal_id, "reason": reason}
