"""Drops that an audit refused: they stay out of the lake until a person releases them, or another version comes.

A refusal is ``refusals/<session>/<id>.json`` in the artifact bucket, a release ``<id>.released.json`` beside it. Both
are written once and never removed. The id is a function of source, store, key and version: a new delivery of the same
key is another drop, and a listing alone shows whether a drop may be taken in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import Field, ValidationError

from afterbell.config.loader import Strict
from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError, PreconditionFailedError
from afterbell.ingest.plan import refusal_id
from afterbell.stores.artifacts import ArtifactStore

FOLDER = "refusals/"
_RELEASED = ".released.json"
_REFUSAL_ID = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(rf"{FOLDER}\d{{4}}-\d{{2}}-\d{{2}}/(?P<id>{_REFUSAL_ID.pattern})(?P<kind>\.json|\.released\.json)")
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"


class Refusal(Strict):
    """One version of a drop that an audit refused.

    Attributes:
        source: the drop's source.
        store: ``s3`` or ``hdfs``.
        key: its key there.
        version: the version that was refused.
        session: the session it is of.
        reasons: the broken rules, a sentence each.
        run_id: the run whose audit refused it.
        at: UTC instant.
    """

    source: str
    store: str
    key: str
    version: str
    session: date
    reasons: tuple[str, ...] = Field(min_length=1)
    run_id: str
    at: datetime

    @property
    def id(self) -> str:
        """16 hexadecimal digits, by which a person names it."""
        return refusal_id(self.source, self.store, self.key, self.version)


class Release(Strict):
    """A person's decision that a refused drop may be taken in.

    Attributes:
        by: who.
        reason: why, in their words.
        run_id: the run of the form; ``cli`` from the command line.
        at: UTC instant.
    """

    by: str = Field(min_length=1, max_length=300, pattern=_PRINTABLE)
    reason: str = Field(min_length=3, max_length=500, pattern=_PRINTABLE)
    run_id: str = Field(min_length=1, max_length=250, pattern=_PRINTABLE)
    at: datetime


@dataclass(frozen=True)
class Held:
    """A refusal, and its release where there is one."""

    refusal: Refusal
    release: Release | None


def refusal_of(drop: Mapping[str, object], reasons: tuple[str, ...], run_id: str) -> Refusal:
    """The refusal of a drop by the run ``run_id``, now; ``drop`` is a row of ``raw.drops`` or has the same names."""
    named = {name: drop[name] for name in ("source", "store", "key", "version", "session")}
    return Refusal.model_validate(named | {"reasons": reasons, "run_id": run_id, "at": datetime.now(UTC)})


def refuse(store: ArtifactStore, refusals: Iterable[Refusal]) -> None:
    """Write refusals down; the first one of a drop stays."""
    for refusal in refusals:
        body = refusal.model_dump_json(indent=2).encode() + b"\n"
        try:
            store.put_if_absent(f"{FOLDER}{refusal.session.isoformat()}/{refusal.id}.json", body)
        except PreconditionFailedError:
            continue


def listed(store: ArtifactStore) -> tuple[Mapping[str, str], frozenset[str]]:
    """Keys of all refusals by id, and the ids of those that were released; nothing is opened."""
    refused, released = {}, set()
    for stored in store.list(FOLDER):
        match = _KEY.fullmatch(stored.key)
        if match is None:
            continue
        if match["kind"] == _RELEASED:
            released.add(match["id"])
        else:
            refused[match["id"]] = stored.key
    return refused, frozenset(released)


def read_refusals(store: ArtifactStore) -> list[Held]:
    """All refusals, newest session first."""
    refused, released = listed(store)
    newest = sorted(refused.items(), key=lambda pair: pair[1], reverse=True)
    return [
        Held(read_refusal(store, key), read_release(store, key) if name in released else None) for name, key in newest
    ]


def read_refusal(store: ArtifactStore, key: str) -> Refusal:
    """One refusal.

    Raises:
        DigestMismatchError: the document is not a refusal.
    """
    try:
        return Refusal.model_validate_json(store.get(key))
    except ValidationError as error:
        raise DigestMismatchError(f"{key} is not the refusal of a drop: {error}") from error


def read_release(store: ArtifactStore, key: str) -> Release:
    """The release of the refusal at ``key``.

    Raises:
        DigestMismatchError: the document is not a release.
        ObjectMissingError: the refusal has no release.
    """
    name = key.removesuffix(".json") + _RELEASED
    try:
        return Release.model_validate_json(store.get(name))
    except ValidationError as error:
        raise DigestMismatchError(f"{name} is not the release of a drop: {error}") from error


def release(store: ArtifactStore, refused_id: str, by: str, reason: str, run_id: str = "cli") -> tuple[Held, bool]:
    """Let a refused drop be taken in by the next run; whether this call did it.

    Args:
        store: the artifact store.
        refused_id: the refusal's id.
        by: who releases it.
        reason: one line of 3 to 500 characters, stored permanently.
        run_id: the run of the form; ``cli`` from the command line.

    Raises:
        ConfigError: the reason is not a line of 3 to 500 characters.
        ObjectMissingError: no drop was refused with this id; the message lists the refused ones.
    """
    try:
        given = Release(by=by, reason=reason.strip(), run_id=run_id, at=datetime.now(UTC))
    except ValidationError as error:
        faults = "; ".join(
            f"{fault['loc'][0]}: {fault['msg']}, found {fault['input']!r:.100}" for fault in error.errors()
        )
        raise ConfigError(f"nothing was released: {faults}. Give --reason, one line of 3 to 500 characters") from error
    refused, released = listed(store)
    if refused_id not in refused:  # membership: an id never becomes a key unchecked
        held = ", ".join(sorted(set(refused) - released)) or "none"
        raise ObjectMissingError(f"no drop was refused with the id {refused_id!r}; refused drops: {held}")
    key = refused[refused_id]
    try:
        store.put_if_absent(key.removesuffix(".json") + _RELEASED, given.model_dump_json(indent=2).encode() + b"\n")
        done = True
    except PreconditionFailedError:
        done = False
    return Held(read_refusal(store, key), read_release(store, key)), done


def describe(refusal: Refusal) -> str:
    """Why a refused drop is not taken in, and what to do."""
    return (
        f"refused by the audit of run {refusal.run_id} on {refusal.at:%Y-%m-%d %H:%M} UTC: "
        f"{'; '.join(refusal.reasons)}. It is left out until the vendor delivers another version, or a person releases "
        f'it: ./afterbell drops release {refusal.id} --reason "..."'
    )
