"""The champion's pointer, believed only where the audit trail has the move that made it.

Whoever can write one object of the bucket must not decide who serves. A pointer is believed if

- it names an entry of the trail, and that entry's target is this pointer to the last field;
- no other move from the same source, or from a later one, was confirmed: neither an older pointer that is put back nor
  the entry of a lost race passes. An entry that is not confirmed yet may be a move that a crash cut short.

That costs three requests, however long the history is: the pointer, its entry, and a listing of the trail from the
pointer before on. Nothing here needs more than the artifact store, so the pages read it as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError, UnprovenPointerError
from afterbell.release.audit import confirmed_after, moves, read_entry
from afterbell.release.manifest import POINTER, Champion, parse_champion, parse_manifest, sha256
from afterbell.run.job import result_key
from afterbell.stores.artifacts import ArtifactStore

_TRIES = 5


@dataclass(frozen=True)
class TrustedPointer:
    """The stored pointer, and the champion by the audit trail.

    Attributes:
        champion: the champion by the audit trail: the pointer itself, or where that is not trusted the target of the
            newest confirmed move; None where the trail confirms no move.
        etag: of the stored object, for a conditional write; None where there is no object.
        refusal: why the pointer is not trusted; empty where it is.
    """

    champion: Champion | None
    etag: str | None
    refusal: str = ""


def read_champion(store: ArtifactStore) -> tuple[Champion | None, str | None]:
    """The pointer and its ETag; both None while nothing has been published.

    Raises:
        UnprovenPointerError: the audit trail does not have the move that made it.
    """
    standing = read_standing(store)
    if standing.refusal:
        raise UnprovenPointerError(f"{standing.refusal}. {_remedy(standing.champion)}")
    return standing.champion, standing.etag


def read_standing(store: ArtifactStore) -> TrustedPointer:
    """The pointer as it is stored, and the champion by the trail: for the commands that replace an unproven one."""
    seen: str | None = ""
    for _ in range(_TRIES):
        pointer, etag, refusal = _read_pointer(store)
        if not refusal:
            return TrustedPointer(pointer, etag)
        if etag == seen:
            break
        seen = etag  # it may have been moved between two of the requests: read again
    return TrustedPointer(_newest_confirmed(store), etag, refusal)


def _remedy(champion: Champion | None) -> str:
    last = f"The last confirmed champion is {champion.release_id}" if champion else "The trail confirms no champion"
    return (
        f"{last}. Nothing was used. Find out who wrote {POINTER}, then name the release that is to serve: ./afterbell "
        f'release promote {champion.release_id if champion else "RELEASE"} --reason "..."'
    )


def _read_pointer(store: ArtifactStore) -> tuple[Champion | None, str | None, str]:
    """The pointer, its ETag, and why it is not trusted."""
    try:
        body, etag = store.get_with_etag(POINTER)
    except ObjectMissingError:
        known = confirmed_after(store, None)
        return None, None, f"{POINTER} is missing, but {max(known)} confirms a move of it" if known else ""
    try:
        pointer = parse_champion(body)
    except DigestMismatchError as error:
        return None, etag, str(error)
    return pointer, etag, _disbelief(store, pointer) if pointer.audit else _disbelief_of_old(store, pointer)


def _disbelief(store: ArtifactStore, pointer: Champion) -> str:
    """Why a pointer with an entry is not trusted; empty where it is."""
    named = f"{POINTER} names release {pointer.release_id} and the audit entry {pointer.audit}"
    try:
        entry = read_entry(store, str(pointer.audit))
    except ObjectMissingError:
        return f"{named}, which is not there"
    except DigestMismatchError as error:
        return f"{named}, but {error}"
    if entry.key != pointer.audit:
        return f"{named}, but that holds the entry {entry.key}"
    if entry.target != pointer.model_copy(update={"audit": None}):
        return f"{named}, but that entry is of a move to {entry.target.release_id} with other fields"
    others = confirmed_after(store, entry.source.audit if entry.source else None) - {entry.key}
    if others and (others := others - {past.key for past in moves(store, pointer)}):  # entries of clocks that ran ahead
        return f"{named}, but another move from the same champion, or a later one, was confirmed: {max(others)}"
    return ""


def _disbelief_of_old(store: ArtifactStore, pointer: Champion) -> str:
    """Why a pointer without an entry is not trusted: versions up to 0.2.0 wrote such.

    It is believed while the trail confirms no move, where the release's manifest and the result of the run that
    published it agree with it. The first move after the update writes the trail.
    """
    named = f"{POINTER} names release {pointer.release_id} and no entry of the audit trail"
    if known := confirmed_after(store, None):
        return f"{named}, but {max(known)} confirms a move"
    try:
        key = result_key(pointer.session, pointer.run_id, "publish")
        body = store.get(manifest_key := f"releases/{pointer.release_id}/manifest.json")
        manifest, result = parse_manifest(body, manifest_key), json.loads(store.get(key))
    except (ObjectMissingError, DigestMismatchError, ConfigError, ValueError) as error:
        return f"{named}, and what could prove it cannot be read: {error}"
    if (sha256(body), manifest.session) != (pointer.manifest_sha256, pointer.session):
        return f"{named}, but the manifest of that release is another"
    published = (result.get("release_id"), result.get("moved")) if isinstance(result, dict) else ()
    if published != (pointer.release_id, True):
        return f"{named}, and {key} does not say that the run published it"
    return ""


def _newest_confirmed(store: ArtifactStore) -> Champion | None:
    """The target of the newest move that was confirmed and whose entry can be read."""
    for key in sorted(confirmed_after(store, None), reverse=True):
        try:
            entry = read_entry(store, key)
        except (ObjectMissingError, DigestMismatchError):
            continue
        if entry.key == key:
            return entry.target.model_copy(update={"audit": key})
    return None
