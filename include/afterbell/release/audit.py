"""The audit trail of the champion's pointer: who moved it, when, why, from where and to where.

Each move is recorded before the pointer is touched, ``audit/<instant>-<id>.json``, and once more after it,
``audit/<instant>-<id>.moved.json``; neither is ever replaced. The pointer names its own entry, and an entry holds the
pointer before it: walking back from the pointer gives the moves that happened, whatever crashed in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import Field, ValidationError

from afterbell.config.loader import Strict
from afterbell.errors import (
    DigestMismatchError,
    ObjectMissingError,
    PreconditionFailedError,
    RetryableError,
    UnknownOutcomeError,
)
from afterbell.release.manifest import AUDIT_KEY, Champion
from afterbell.stores.artifacts import ArtifactStore

Action = Literal["publish", "promote", "rollback"]
FOLDER = "audit/"
CONFIRMED = ".moved.json"
"""The end of the key of a confirmation, in place of the entry's ``.json``."""


class Entry(Strict):
    """One move, recorded before it is made.

    Attributes:
        id: decided by the request, who made it and in which run: the same request again has the same id.
        action: ``publish`` is the gate's, the others are a person's.
        by: who requested it, and where a second person agreed, who.
        reason: why, in their words.
        run_id: the run it happened in; ``cli`` from the command line.
        at: UTC instant at which it began.
        source: the pointer before; None where nothing had been published.
        target: the pointer as it was to be, without the name of this entry.
        refused: why the previous pointer was not trusted and does not count as ``source``; None where it was trusted.
    """

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    action: Action
    by: str
    reason: str
    run_id: str
    at: datetime
    source: Champion | None
    target: Champion
    refused: str | None = None

    @property
    def key(self) -> str:
        """Its key in the artifact bucket."""
        return f"audit/{self.at:%Y%m%dT%H%M%S.%fZ}-{self.id}.json"

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=2).encode() + b"\n"


def request_id(**request: object) -> str:
    """16 hexadecimal digits that the request decides."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]


def next_instant(source: Champion | None) -> datetime:
    """When a move from ``source`` begins: now, or where a clock ran ahead just after the move that made ``source``.

    Keys of entries that follow each other are in their order, so that a listing finds later moves.
    """
    now = datetime.now(UTC)
    if source is None or source.audit is None:
        return now
    return max(now, _instant_of(source.audit) + timedelta(microseconds=1))


def _instant_of(key: str) -> datetime:
    return datetime.strptime(key[len(FOLDER) :].partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)


def confirmed_after(store: ArtifactStore, key: str | None) -> set[str]:
    """Keys of the entries later than ``key`` (all, where None) whose move was confirmed."""
    keys = [item.key for item in store.list(FOLDER, after=confirmation_key(key) if key else "")]
    entries = [name.removesuffix(CONFIRMED) + ".json" for name in keys if name.endswith(CONFIRMED)]
    return {entry for entry in entries if AUDIT_KEY.fullmatch(entry)}


def confirmation_key(key: str) -> str:
    """The key of the confirmation of the entry ``key``."""
    return key.removesuffix(".json") + CONFIRMED


def begin(store: ArtifactStore, entry: Entry) -> None:
    """Write the entry; nothing may be moved without it.

    Raises:
        RetryableError: it could not be written.
    """
    try:
        store.put_if_absent(entry.key, entry.to_bytes())
    except (PreconditionFailedError, UnknownOutcomeError) as error:
        if not store.exists(entry.key) or store.get(entry.key) != entry.to_bytes():
            raise RetryableError(
                f"{entry.key} could not be written, so the champion was not touched; try again"
            ) from error


def confirm_move(store: ArtifactStore, current: Champion | None) -> None:
    """Confirm the move that made ``current``, if it isn't yet: a crash may have come between it and the pointer."""
    if current is None or current.audit is None:
        return
    body = json.dumps({"entry": current.audit, "confirmed_at": datetime.now(UTC).isoformat()}).encode() + b"\n"
    try:
        store.put_if_absent(confirmation_key(current.audit), body)
    except (PreconditionFailedError, UnknownOutcomeError):
        return  # confirmed already, or by the next reader: the pointer itself is the proof


def read_entry(store: ArtifactStore, key: str) -> Entry:
    """One entry.

    Raises:
        DigestMismatchError: the object is not an entry.
        ObjectMissingError: the object is missing.
    """
    try:
        return Entry.model_validate_json(store.get(key))
    except ValidationError as error:
        raise DigestMismatchError(f"{key} is not an entry of the audit trail: {error}") from error


def moves(store: ArtifactStore, current: Champion | None) -> Iterator[Entry]:
    """The moves that led to ``current``, newest first, as far back as there are entries."""
    while current is not None and current.audit is not None:
        try:
            entry = read_entry(store, current.audit)
        except ObjectMissingError:
            return
        yield entry
        current = entry.source


def served_since(store: ArtifactStore, current: Champion | None, since: date) -> list[str]:
    """The releases that have served since the day ``since``, the last one first, each once."""
    served = [current.release_id] if current else []
    for entry in moves(store, current):
        served.append(entry.target.release_id)
        if entry.at.date() < since:
            break
    return list(dict.fromkeys(served))


def recorded_digests(store: ArtifactStore, current: Champion | None, release_id: str) -> Iterator[tuple[str, str]]:
    """The SHA-256 that the manifest of a release had whenever it served, and where that is written; newest first."""
    if current is not None and current.release_id == release_id:
        yield current.manifest_sha256, "the champion pointer"
    for entry in moves(store, current):
        for pointer in (entry.target, entry.source):
            if pointer is not None and pointer.release_id == release_id:
                yield pointer.manifest_sha256, entry.key


def not_carried_out(store: ArtifactStore, current: Champion | None) -> list[Entry]:
    """Entries whose move never happened: lost races and crashes before the pointer; oldest first."""
    done = {entry.key for entry in moves(store, current)}
    keys = [item.key for item in store.list(FOLDER) if AUDIT_KEY.fullmatch(item.key)]
    return [read_entry(store, key) for key in keys if key not in done]
