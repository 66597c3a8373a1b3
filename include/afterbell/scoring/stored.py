"""The exported signals in the artifact bucket: their keys, and those of a session. Needs neither Spark nor lake.

The keys are ``signals/<session>/<release>.parquet`` and ``.csv``; ``<session>`` is the one that is traded.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from afterbell.errors import ObjectMissingError
from afterbell.stores.artifacts import ArtifactStore

FOLDER = "signals/"
_KEY = re.compile(r"signals/(?P<session>\d{4}-\d{2}-\d{2})/(?P<release>[^/]+)\.parquet")
_LARGEST = 1 << 30
_SHOWN = 5


def export_key(session: date, release_id: str, suffix: str) -> str:
    """The key of a session's signals by a release; ``suffix`` is ``parquet`` or ``csv``."""
    return f"{FOLDER}{session.isoformat()}/{release_id}.{suffix}"


def newest_session(store: ArtifactStore) -> date:
    """The last session that has signals.

    Raises:
        ObjectMissingError: none has.
    """
    sessions = [match["session"] for entry in store.list(FOLDER) if (match := _KEY.fullmatch(entry.key))]
    if not sessions:
        raise ObjectMissingError(f"there are no signals yet: nothing lies below {store.bucket}/{FOLDER}")
    return date.fromisoformat(max(sessions))


def find_release(store: ArtifactStore, session: date, release_id: str | None = None) -> str:
    """The release whose signals of ``session`` are meant.

    Args:
        store: the artifact store.
        session: the one that is traded.
        release_id: of the release; the one that scored last, if left out.

    Raises:
        ObjectMissingError: there are none, or none of that release; the message lists what there is.
    """
    written = {
        match["release"]: entry.modified or datetime.min.replace(tzinfo=UTC)
        for entry in store.list(f"{FOLDER}{session.isoformat()}/")
        if (match := _KEY.fullmatch(entry.key))
    }
    if not written:
        matches = (_KEY.fullmatch(entry.key) for entry in store.list(FOLDER))
        others = sorted({match["session"] for match in matches if match})
        raise ObjectMissingError(
            f"there are no signals for session {session}; the newest are for {', '.join(others[-_SHOWN:]) or 'none'}"
        )
    if release_id is None:
        return max(written, key=lambda release: (written[release], release))
    if release_id not in written:
        raise ObjectMissingError(
            f"release {release_id!r} made no signals for session {session}; those of {', '.join(sorted(written))} exist"
        )
    return release_id


def read_export(store: ArtifactStore, session: date, release_id: str, suffix: str) -> bytes:
    """The bytes of one file.

    Raises:
        ObjectMissingError: it is gone.
    """
    return store.get(export_key(session, release_id, suffix), _LARGEST)
