"""Opening a run of `release_drop`: the form's fields, checked once more than Airflow's own schema can."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from airflow.sdk import task
from pydantic import JsonValue

from afterbell.airflow.admin_run import open_admin_run
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.forms import ONE_LINE, REFUSAL_ID
from afterbell.errors import ConfigError
from afterbell.run.contracts.opened import OpenedReleaseDrop

LIMIT = timedelta(hours=1)


@task(task_id="open_release_drop")
@condense_failures
def open_release_drop() -> dict[str, JsonValue]:
    """Check the form; ``OpenedReleaseDrop`` as JSON."""
    return open_admin_run(OpenedReleaseDrop, check_form, LIMIT).to_json()


def check_form(params: Mapping[str, object]) -> dict[str, str]:
    """``refusal_id`` and ``reason`` from the form.

    Raises:
        ConfigError: one of them is not valid.
    """
    refusal_id, reason = str(params.get("refusal_id") or ""), str(params.get("reason") or "").strip()
    if not re.search(REFUSAL_ID, refusal_id):
        raise ConfigError(f"refusal_id {refusal_id!r} is not 16 hexadecimal digits, as the run's log has them")
    if not re.search(ONE_LINE, reason) or len(reason) < 3:
        raise ConfigError(f"reason {reason!r}: give one line of 3 to 500 characters; it is stored permanently")
    return {"refusal_id": refusal_id, "reason": reason}
