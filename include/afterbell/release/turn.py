"""Runs take turns from judging a candidate to publishing it.

Without that the gate of one run compares with a champion that another run is about to replace, and its `publish`
refuses. A turn is a courtesy: the conditional write of the pointer is what keeps it right. So a turn ends by itself
after ``LEASE``, for the run that holds it and for the runs that wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.lease import Lease

KEY = "gate/turn.json"
LEASE = timedelta(minutes=5)
_PAUSE_SECONDS = 0.5


class Turn(BaseModel):
    """Whose turn it is, and until when (UTC)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    until: datetime


def take_turn(store: ArtifactStore, run_id: str, by: datetime, report: Callable[[str], None]) -> None:
    """Wait until no other run has the turn, and take it; after ``LEASE`` go on without.

    Args:
        store: the artifact store.
        run_id: of the run; each try of one run has the same turn.
        by: when the waiting ends in any case, such as the run's deadline.
        report: is called once with a line that names the run in whose turn this one waits.
    """
    lease = Lease(lambda: store, KEY)
    patience, reported = min(LEASE, by - datetime.now(UTC)), False
    over = time.monotonic() + max(patience.total_seconds(), 0.0)
    while time.monotonic() <= over:
        body, etag = lease.read()
        turn = _parse_turn(body)
        if turn is None or turn.run_id == run_id or turn.until <= datetime.now(UTC):
            own = Turn(run_id=run_id, until=datetime.now(UTC) + LEASE)
            if lease.claim(own.model_dump_json().encode(), etag):
                return
            continue  # another run was first: see which
        if not reported:
            report(f"waiting until run {turn.run_id} has published, at most until {turn.until:%H:%M:%S} UTC")
            reported = True
        time.sleep(_PAUSE_SECONDS)


def give_back_turn(store: ArtifactStore, run_id: str) -> None:
    """Let the next run have its turn; nothing happens where this run has none, or the store does not answer."""
    Lease(lambda: store, KEY).give_back(lambda body: (turn := _parse_turn(body)) is not None and turn.run_id == run_id)


def _parse_turn(body: bytes | None) -> Turn | None:
    """The turn; None if there is none, or the object is not a valid turn."""
    try:
        return None if body is None else Turn.model_validate_json(body)
    except ValidationError:
        return None
