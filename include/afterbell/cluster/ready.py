"""When this driver's Spark session was ready: the time before is start-up, the time after is work."""

from __future__ import annotations

from datetime import UTC, datetime

_marked: list[datetime] = []


def mark_ready() -> None:
    """Record that the session is ready; the first call counts."""
    if not _marked:
        _marked.append(datetime.now(UTC))


def ready_at() -> datetime | None:
    """The instant, in UTC; None in a process that never opened a session."""
    return _marked[0] if _marked else None
