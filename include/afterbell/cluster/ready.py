"""When this driver's session stood: what came before was starting up, what comes after is work."""

from __future__ import annotations

from datetime import UTC, datetime

_marked: list[datetime] = []


def mark_ready() -> None:
    """The session stands; the first call counts."""
    if not _marked:
        _marked.append(datetime.now(UTC))


def ready_at() -> datetime | None:
    """The instant, in UTC; None in a process that never opened a session."""
    return _marked[0] if _marked else None
