"""The store of quality reports, readable without the engine that wrote them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pydantic import ValidationError

from afterbell.errors import PermanentError
from afterbell.quality.report_document import QualityReport
from afterbell.stores.artifacts import ArtifactStore

STEP = "quality"
"""The report lies beside the results of the run's steps, under this name."""


def newest_report(store: ArtifactStore, session: date | None) -> QualityReport | None:
    """The newest report of ``session``, or of the latest session that has one; None where no report exists.

    Raises:
        PermanentError: what lies there is not a quality report.
    """
    prefix = "runs/" if session is None else f"runs/{session.isoformat()}/"
    objects = [entry for entry in store.list(prefix) if entry.key.endswith(f"/{STEP}.json")]
    if not objects:
        return None
    oldest = datetime.min.replace(tzinfo=UTC)
    last = max(objects, key=lambda entry: (entry.key.split("/")[1], entry.modified or oldest, entry.key))
    try:
        return QualityReport.model_validate_json(store.get(last.key))
    except ValidationError as error:
        raise PermanentError(f"{last.key} is not a quality report; run the session again: {error}") from error
