"""A person moves the champion: promotes a release, or rolls back to an earlier one.

It needs the artifact store alone, so it works while the pipeline is down. The release is verified before the pointer is
touched, every move is in the audit trail, and the same request again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from afterbell.config.loader import Strict
from afterbell.errors import ConfigError, StaleInputError, UnprovenPointerError
from afterbell.release.audit import Entry, confirm_move, moves, next_instant, request_id
from afterbell.release.catalog import Verified, read_manifest, release_key, verify_release
from afterbell.release.manifest import RELEASE_ID, Champion, sha256
from afterbell.release.pointer import Published, move
from afterbell.release.publish import point_at
from afterbell.release.trusted import read_standing
from afterbell.stores.artifacts import ArtifactStore

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"


class Choice(Strict):
    """A person's request.

    Attributes:
        action: ``promote`` a release, or ``rollback``.
        release_id: of the release; empty for a rollback means the champion before the present one.
        reason: why; stored permanently.
        by: who requests it.
        run_id: the run it is made in, so that its retries are the same request; ``cli`` from the command line.
    """

    action: Literal["promote", "rollback"]
    release_id: str = Field(default="", pattern=rf"^$|{RELEASE_ID}")
    reason: str = Field(min_length=3, max_length=500, pattern=_PRINTABLE)
    by: str = Field(min_length=1, max_length=300, pattern=_PRINTABLE)
    run_id: str = Field(default="cli", min_length=1, max_length=250, pattern=_PRINTABLE)

    @model_validator(mode="after")
    def _names_a_release(self) -> Choice:
        if self.action == "promote" and not self.release_id:
            raise ValueError("promote needs release_id, one of ./afterbell release list")
        return self

    @property
    def id(self) -> str:
        """Of the request, for the audit trail."""
        return request_id(**self.model_dump(mode="json"))


def choice(**fields: object) -> Choice:
    """A choice out of a form or a command line.

    Raises:
        ConfigError: a field is wrong; the message names it, what it may be and what was found.
    """
    try:
        return Choice.model_validate(fields)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, issue['loc'])) or issue['type']}: {issue['msg']}; found {issue['input']!r:.200}"
            for issue in error.errors()
        ]
        raise ConfigError(
            "the champion was not touched: "
            + "; ".join(problems)
            + ". A release id is like 2026-06-30-0123456789ab, a "
            "reason is one line of 3 to 500 characters"
        ) from error


@dataclass(frozen=True)
class MovePlan:
    """The effect of a choice, before it is carried out.

    Attributes:
        champion: the release that serves now, by the audit trail where the pointer is not trusted; None where none
            does.
        target: the release that is to serve; it has been verified.
        moves: whether the pointer would move.
        summary: the same in a sentence.
        verified: what the verification saw.
    """

    champion: str | None
    target: str
    moves: bool
    summary: str
    verified: Verified | None


def plan(store: ArtifactStore, request: Choice) -> MovePlan:
    """Verify the requested release and report what would be done; nothing is changed.

    A pointer that is not trusted is replaced, whatever it names: that is how it is corrected.

    Raises:
        ConfigError: there is nothing that a rollback could go back to.
        ObjectMissingError: there is no such release.
        UnprovenPointerError: a rollback names no release, and the pointer is not trusted.
        DigestMismatchError: bytes of the release differ from their digests.
        PermanentError: a model of it does not load or predict.
    """
    standing = read_standing(store)
    current, refusal = standing.champion, standing.refusal
    if current and not refusal and _was_made_by(request, current):
        return MovePlan(current.release_id, current.release_id, False, _already_done(current), None)
    if refusal and not request.release_id:
        raise UnprovenPointerError(f"{refusal}: which champion came before is not known. Name the release to serve")
    target = _target(current, request)
    if current and not refusal and current.release_id == target:
        return MovePlan(target, target, False, f"{target} is the champion already", None)
    verified = verify_release(store, target)
    sentence = f"{request.action}: the champion moves from {current.release_id if current else 'nothing'} to {target}"
    if refusal:
        sentence += f"; the current pointer is not trusted ({refusal})"
    return MovePlan(current.release_id if current else None, target, True, sentence, verified)


def carry_out(store: ArtifactStore, request: Choice, seen: str | None = None) -> Published:
    """Verify, then move the pointer; a request that was carried out already changes nothing.

    Args:
        store: the artifact store.
        request: the choice.
        seen: the champion that was shown to the person who agreed; None where no agreement was needed.

    Raises:
        StaleInputError: another release serves than the one that was ``seen``.
        RetryableError: the pointer was moved by another writer meanwhile.
    """
    planned = plan(store, request)
    standing = read_standing(store)
    current, etag = standing.champion, standing.etag
    name = current.release_id if current else None
    if not planned.moves:
        confirm_move(store, current)
        return Published(name, current.previous if current else None, False, planned.summary)
    if name != planned.champion or (seen is not None and seen != name):
        raise StaleInputError(
            f"the champion is {name} now, but {request.action} to {planned.target} was approved when the champion was "
            f"{seen or planned.champion}: request it again"
        )
    manifest = read_manifest(store, planned.target)
    now = next_instant(current)
    previous = _previous(store, current, request.action, planned.target)
    newest = [manifest.session, *([current.session, current.chosen_until] if current else [])]
    digest = sha256(store.get(release_key(planned.target)))
    pointer = point_at(manifest, digest, previous, request.run_id, now).model_copy(
        update={"chosen_until": max(day for day in newest if day is not None)}
    )
    entry = Entry(
        id=request.id, action=request.action, by=request.by, reason=request.reason, run_id=request.run_id, at=now,
        source=current, target=pointer, refused=standing.refusal or None,
    )  # fmt: skip
    return move(store, entry, etag)


def _was_made_by(request: Choice, current: Champion) -> bool:
    """Whether this very request made the pointer."""
    return bool(current.audit and current.audit.endswith(f"-{request.id}.json"))


def _already_done(current: Champion) -> str:
    return (
        f"this very request made {current.release_id} champion at {current.moved_at}: nothing is left to do. To move "
        "on from there, request it again with another reason"
    )


def _target(current: Champion | None, request: Choice) -> str:
    if request.release_id:
        return request.release_id
    if current is None:
        raise ConfigError("nothing has been published yet, so there is nothing to roll back")
    if current.previous is None:
        raise ConfigError(
            f"which champion came before {current.release_id} is not known: name the release to roll back to"
        )
    return current.previous


def _previous(store: ArtifactStore, current: Champion | None, action: str, target: str) -> str | None:
    """What a rollback from ``target`` goes back to."""
    if current and current.release_id == target:  # corrected, not replaced
        return current.previous
    if action == "promote":
        return current.release_id if current else None
    return _champion_before(store, current, target)


def _champion_before(store: ArtifactStore, current: Champion | None, target: str) -> str | None:
    """The champion before ``target`` when it served last; never the one that is being rolled back."""
    replaced = current.release_id if current else None
    for entry in moves(store, current):
        if entry.target.release_id == target:
            return entry.target.previous if entry.target.previous != replaced else None
        if entry.source and entry.source.audit is None and entry.source.release_id == target:
            return entry.source.previous
    return None
