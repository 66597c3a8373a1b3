"""Asking a cluster manager's pages why a driver has no executor."""

from __future__ import annotations

from typing import Any

import requests

from afterbell.cluster.causes import mesos_cause, standalone_cause, unknown_cause
from afterbell.cluster.wanted import Wanted

_SECONDS = 5.0


def ask_manager(wanted: Wanted, application: str) -> str:
    """The cause, as one sentence or two; whatever goes wrong with asking, all possible causes.

    Args:
        wanted: the needs of one executor, with the address of the pages.
        application: the Spark application's id.
    """
    if not wanted.ui:
        return unknown_cause(wanted, "")
    try:
        if wanted.master.startswith("mesos://"):
            agents, frameworks = _get(f"{wanted.ui}/slaves"), _get(f"{wanted.ui}/frameworks")
            return mesos_cause(agents["slaves"], frameworks["frameworks"], application, wanted)
        return standalone_cause(_get(f"{wanted.ui}/json/"), application, wanted)
    except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError) as error:
        return unknown_cause(wanted, f"{type(error).__name__}: {str(error)[:200]}")


def _get(address: str) -> Any:
    answer = requests.get(address, timeout=_SECONDS)
    answer.raise_for_status()
    return answer.json()
