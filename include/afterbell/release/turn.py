"""Runs take turns from judging a candidate to publishing it.

Without that the gate of one run compares with a champion that another run is about to replace, and its `publish`
refuses. A turn is a courtesy: the conditional write of the pointer is what keeps it right. So a turn ends by itself
after ``LEASE``, for the run that holds it and for the runs that wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from afterbell.errors import AfterbellError, ObjectMissingError, PreconditionFailedError, UnknownOutcomeError
from afterbell.stores.artifacts import ArtifactStore

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
    patience, reported = min(LEASE, by - datetime.now(UTC)), False
    over = time.monotonic() + max(patience.total_seconds(), 0.0)
    while time.monotonic() <= over:
        turn, etag = _read_turn(store)
        if turn is None or turn.run_id == run_id or turn.until <= datetime.now(UTC):
            if _write_turn(store, Turn(run_id=run_id, until=datetime.now(UTC) + LEASE), etag):
                return
            continue  # another run was first: see which
        if not reported:
            report(f"waiting until run {turn.run_id} has published, at most until {turn.until:%H:%M:%S} UTC")
            reported = True
        time.sleep(_PAUSE_SECONDS)


def give_back_turn(store: ArtifactStore, run_id: str) -> None:
    """Let the next run have its turn; nothing happens where this run has none, or the store does not answer."""
    with suppress(AfterbellError):
        turn, _ = _read_turn(store)
        if turn is not None and turn.run_id == run_id:
            store.delete(KEY)


def _read_turn(store: ArtifactStore) -> tuple[Turn | None, str | None]:
    """The turn and the ETag of its object; None for the turn where the object is missing or is not a valid turn."""
    try:
        body, etag = store.get_with_etag(KEY)
    except ObjectMissingError:
        return None, None
    try:
        return Turn.model_validate_json(body), etag
    except ValidationError:
        return None, etag


def _write_turn(store: ArtifactStore, turn: Turn, etag: str | None) -> bool:
    """Write the turn if what lies there is still the same; whether it may be ours."""
    body = turn.model_dump_json().encode()
    try:
        if etag is None:
            store.put_if_absent(KEY, body)
        else:
            store.put_if_match(KEY, body, etag)
    except PreconditionFailedError:
        return False
    except UnknownOutcomeError:
        return True
    return True
