"""Opening a run of `release_admin`: the form's fields, checked once more than Airflow's own schema can."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from airflow.sdk import task
from pydantic import JsonValue

from afterbell.airflow.admin_run import open_admin_run
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.forms import ONE_LINE, RELEASE_ID
from afterbell.errors import ConfigError
from afterbell.run.contracts.opened import OpenedReleaseAdmin

ACTIONS = ("verify", "rollback", "promote")
LIMIT = timedelta(hours=2)


@task(task_id="open_release_admin")
@condense_failures
def open_release_admin() -> dict[str, JsonValue]:
    """Check the form; ``OpenedReleaseAdmin`` as JSON."""
    return open_admin_run(OpenedReleaseAdmin, check_form, LIMIT).to_json()


def check_form(params: Mapping[str, object]) -> dict[str, str]:
    """``action``, ``release_id`` and ``reason`` from the form.

    Raises:
        ConfigError: a field is not valid, or one that the action needs is missing.
    """
    action = str(params.get("action") or "")
    release_id, reason = str(params.get("release_id") or ""), str(params.get("reason") or "").strip()
    if action not in ACTIONS:
        raise ConfigError(f"action {action!r} is not one of {', '.join(ACTIONS)}: nothing was done")
    if not re.search(RELEASE_ID, release_id):
        raise ConfigError(f"release_id {release_id!r} is not like 2026-06-30-0123456789ab: nothing was done")
    if not re.search(ONE_LINE, reason):
        raise ConfigError(f"reason {reason!r} holds a line break or a control character: nothing was done")
    if action != "verify" and len(reason) < 3:
        raise ConfigError(f"{action} needs a reason, which is stored permanently: nothing was done")
    if action == "promote" and not release_id:
        raise ConfigError("promote needs a release_id, one of ./afterbell release list: nothing was done")
    return {"action": action, "release_id": release_id, "reason": reason}
