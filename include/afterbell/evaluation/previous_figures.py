"""The figures of the session before, read from the artifact store, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

from pydantic import JsonValue

from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.errors import ObjectMissingError, ObjectTooLargeError
from afterbell.evaluation.since import Change, changes
from afterbell.run.steps import EXPERIMENT_RUNS
from afterbell.stores.artifacts import ArtifactStore


def read_changes(store: ArtifactStore, session: date, now: Mapping[str, JsonValue]) -> tuple[str, list[Change]]:
    """The session before, and what changed since its newest run; nothing where that left no figures."""
    before = Exchange(load_platform().exchange).previous(session).isoformat()
    documents = [document for document in store.list(f"reports/{before}/") if document.key.endswith("/metrics.json")]
    daily = [document for document in documents if not document.key.split("/")[2].startswith(EXPERIMENT_RUNS)]
    if not daily:
        return "", []
    newest = max(daily, key=lambda document: (document.modified or datetime.min.replace(tzinfo=UTC), document.key))
    try:
        figures = json.loads(store.get(newest.key))
    except (ValueError, ObjectMissingError, ObjectTooLargeError):
        return "", []  # yesterday's broken document does not stop tonight's run
    return (before, changes(figures, now)) if isinstance(figures, dict) else ("", [])


def changes_to_json(before: str, changed: list[Change]) -> dict[str, object]:
    """What ``read_changes`` returns, as JSON values; nothing where there was no session before."""
    return {"since": {"session": before, "changes": [change.to_json() for change in changed]}} if before else {}
