"""Moving the champion's pointer: an audit entry first, then one conditional write, then a confirmation."""

from __future__ import annotations

from dataclasses import dataclass

from afterbell.errors import PreconditionFailedError, RetryableError, UnknownOutcomeError
from afterbell.release.audit import Entry, begin, confirm_move
from afterbell.release.manifest import POINTER, Champion
from afterbell.release.trusted import read_champion
from afterbell.stores.artifacts import ArtifactStore


@dataclass(frozen=True)
class Published:
    """The outcome: who is champion now, who was before, and whether this call moved the pointer."""

    champion: str | None
    previous: str | None
    moved: bool
    reason: str


def move(store: ArtifactStore, entry: Entry, etag: str | None) -> Published:
    """Carry out ``entry``, if the pointer is still the one with ``etag`` (None: nothing was published yet).

    Raises:
        RetryableError: another writer moved the pointer meanwhile, or the write got no answer and did not land.
    """
    pointer = entry.target.model_copy(update={"audit": entry.key})
    begin(store, entry)
    try:
        if etag is None:
            store.put_if_absent(POINTER, pointer.to_bytes())
        else:
            store.put_if_match(POINTER, pointer.to_bytes(), etag)
    except (PreconditionFailedError, UnknownOutcomeError) as error:
        return _resolve_failed_write(store, pointer, etag, error)
    confirm_move(store, pointer)
    return Published(pointer.release_id, pointer.previous, True, "the pointer moved")


def _resolve_failed_write(store: ArtifactStore, pointer: Champion, etag: str | None, error: Exception) -> Published:
    # The race or the answer was lost: what the pointer holds now decides, nothing is undone.
    after, now = read_champion(store)
    if after and after.release_id == pointer.release_id:
        confirm_move(store, after)
        return Published(after.release_id, after.previous, after == pointer, "the pointer stands")
    named = after.release_id if after else "nothing"
    if now == etag:
        raise RetryableError(
            f"the write of the champion pointer got no answer, and it still names {named}; try again to publish "
            f"{pointer.release_id}"
        ) from error
    raise RetryableError(
        f"the champion pointer was moved by another run to {named} while {pointer.release_id} was being published; "
        "evaluate against it and try again"
    ) from error
