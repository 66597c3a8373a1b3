"""Where quality reports lie, and reading them back without the engine that wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from afterbell.stores.artifacts import ArtifactStore

STEP = "quality"
"""The report lies beside the results of the run's steps, under this name."""


def newest_report(store: ArtifactStore, session: date | None) -> Mapping[str, Any] | None:
    """The newest report of ``session``, or of the latest session that has one; None where no report exists."""
    prefix = "runs/" if session is None else f"runs/{session.isoformat()}/"
    objects = [entry for entry in store.list(prefix) if entry.key.endswith(f"/{STEP}.json")]
    if not objects:
        return None
    oldest = datetime.min.replace(tzinfo=UTC)
    last = max(objects, key=lambda entry: (entry.key.split("/")[1], entry.modified or oldest, entry.key))
    report: Mapping[str, Any] = json.loads(store.get(last.key))
    return report
