"""Publishing a candidate: upload, verify by digest, load and predict, then move one pointer.

The conditional write of ``champion.json`` is the only commit. A crash before it leaves the old champion serving and
files that the next try finds already right; a crash after it is seen by the next try as its own work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from afterbell.errors import DigestMismatchError, PreconditionFailedError, StaleInputError, UnknownOutcomeError
from afterbell.release.audit import Entry, confirm_move, next_instant, request_id
from afterbell.release.catalog import read_champion, release_key, verify_release
from afterbell.release.manifest import Champion, Manifest, parse_manifest, release_id, sha256
from afterbell.release.pointer import Published, move
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.stores.artifacts import DOCUMENT_BYTES, ArtifactStore
from afterbell.training.candidate import candidate_key, read_candidate
from afterbell.training.candidate_document import CandidateDocument


@dataclass(frozen=True)
class Judged:
    """A candidate that becomes a release.

    Attributes:
        candidate_id: the candidate.
        judged_against: candidate id of the champion it was compared with; None where there was none.
        metrics: by horizon.
        reason: the gate's.
        verdict: the gate's; that of a provisional release is ``hold``.
    """

    candidate_id: str
    judged_against: str | None
    metrics: Mapping[str, HorizonMetrics]
    reason: str
    verdict: str = "publish"


def build_manifest(
    candidate: CandidateDocument,
    session: date,
    metrics: Mapping[str, HorizonMetrics],
    reason: str,
    verdict: str = "publish",
) -> Manifest:
    """The manifest of a candidate that the gate judged."""
    identifier, document = candidate.candidate_id, candidate.to_json()
    return Manifest.model_validate(
        {
            "release_id": release_id(session, identifier),
            "session": session,
            "candidate_id": identifier,
            "models": document["models"],
            "features": document["features"],
            "inputs": document["inputs"],
            "spec": document["spec"],
            "metrics": {horizon: values.to_json() for horizon, values in metrics.items()},
            "verdict": {"verdict": verdict, "reason": reason},
            "code_version": document["code_version"],
            "environment": document["environment"],
        }
    )


def upload(store: ArtifactStore, manifest: Manifest, root: str = "") -> Manifest:
    """Copy the candidate's files into the release, the manifest last; what is there already must be the same.

    Args:
        store: the artifact store.
        manifest: of the release.
        root: the folder of the experiment that the candidate is of; empty for the daily run's.

    Returns:
        The stored manifest. A candidate that was judged more than once is one release: it keeps the verdict that it was
        first written with, each move of the champion has its own reason in the audit trail.

    Raises:
        DigestMismatchError: a file of the candidate differs from its manifest, or the release exists with
            other content.
    """
    for model in manifest.models:
        source = candidate_key(manifest.candidate_id, model.path, root)
        body = store.get(source, max(model.size, DOCUMENT_BYTES))
        if sha256(body) != model.sha256:
            raise DigestMismatchError(f"{source}: expected SHA-256 {model.sha256}, found {sha256(body)}")
        store.put(release_key(manifest.release_id, model.path), body)
    key = release_key(manifest.release_id)
    try:
        store.put_if_absent(key, manifest.to_bytes())
    except (PreconditionFailedError, UnknownOutcomeError):
        # Another run or this one has written it: only the bytes can tell.
        return _require_same(store.get(key), key, manifest)
    return manifest


def _require_same(body: bytes, key: str, manifest: Manifest) -> Manifest:
    """The manifest that was written before, if it describes the release as ``manifest`` does."""
    written = parse_manifest(body, key)
    same = written.model_copy(update={"verdict": manifest.verdict}) == manifest
    if not same or written.to_bytes() != body:
        raise DigestMismatchError(
            f"{key} exists with other content: a release is immutable, and the same candidate is always the same "
            "release. Compare it with the candidate's own files; if it was altered, put it back from the store's "
            "versions or a backup"
        )
    return written


def require_rival(current: Champion | None, manifest: Manifest, judged_against: str | None) -> None:
    """Check that the champion is still the one that the gate compared with.

    Raises:
        StaleInputError: another one serves.
    """
    serves = current.candidate_id if current else None
    if judged_against != serves:
        raise StaleInputError(
            f"release {manifest.release_id} was judged against the champion {judged_against or '(none)'}, but "
            f"{serves or 'none'} serves now: clear the task 'evaluate' and all after it"
        )


def move_champion(
    store: ArtifactStore, manifest: Manifest, run_id: str, judged_against: str | None, reason: str = ""
) -> Published:
    """Point ``champion.json`` at the release, if it doesn't already and no later session is published.

    Args:
        store: the artifact store.
        manifest: of the release, which is stored and has been verified.
        run_id: the run that publishes it.
        judged_against: candidate id of the champion that the gate compared with; None where there was none.
        reason: the gate's, for the audit trail.

    Raises:
        StaleInputError: the champion is no longer the one that the gate compared with.
        UnprovenPointerError: the audit trail does not have the move that made the pointer.
        RetryableError: another writer moved the pointer at the same time.
    """
    current, etag = read_champion(store)
    decided = _decide_without_moving(current, manifest)
    if decided:
        confirm_move(store, current)
        return decided
    require_rival(current, manifest, judged_against)
    now = next_instant(current)
    pointer = point_at(manifest, sha256(manifest.to_bytes()), current.release_id if current else None, run_id, now)
    if current:
        pointer = pointer.model_copy(update={"approved": current.approved_id})
    entry = Entry(
        id=request_id(action="publish", release_id=manifest.release_id, run_id=run_id),
        action="publish",
        by="pipeline",
        reason=reason,
        run_id=run_id,
        at=now,
        source=current,
        target=pointer,
    )
    return move(store, entry, etag)


def point_at(manifest: Manifest, digest: str, previous: str | None, run_id: str, now: datetime) -> Champion:
    """A pointer to the release of ``manifest``, whose stored bytes have the SHA-256 ``digest``."""
    return Champion(
        release_id=manifest.release_id,
        session=manifest.session,
        candidate_id=manifest.candidate_id,
        manifest_sha256=digest,
        previous=previous,
        moved_at=now.isoformat(timespec="seconds"),
        run_id=run_id,
    )


def _decide_without_moving(current: Champion | None, manifest: Manifest) -> Published | None:
    if current is None:
        return None
    if current.release_id == manifest.release_id:
        return Published(current.release_id, current.previous, False, "this release is the champion already")
    if current.session > manifest.session:
        reason = f"the champion is of {current.session}: an older session ({manifest.session}) never replaces it"
        return Published(current.release_id, current.previous, False, reason)
    if current.chosen_until and manifest.session <= current.chosen_until:
        reason = (
            f"a person chose the champion {current.release_id} (./afterbell release history): runs of sessions up to "
            f"{current.chosen_until} leave it; promote {manifest.release_id} by hand, or wait for the next session"
        )
        return Published(current.release_id, current.previous, False, reason)
    return None


def keep_champion(store: ArtifactStore, reason: str) -> Published:
    """The outcome of a release that is stored while the champion stays."""
    current, _ = read_champion(store)
    return Published(current.release_id if current else None, current.previous if current else None, False, reason)


def publish(
    store: ArtifactStore, candidate: Judged, session: date, run_id: str, *, move: bool = True
) -> tuple[Manifest, Published]:
    """Upload, verify, and move the pointer.

    Args:
        store: the artifact store.
        candidate: what the gate let through.
        session: of the run.
        run_id: of the run.
        move: whether the pointer may move at all; that of a backfill or of a provisional release never does.

    Raises:
        StaleInputError: the champion moved since the gate compared with it; nothing was written, unless it moved in
            this very moment.
        UnprovenPointerError: the audit trail does not have the move that made the pointer; nothing was written.
        DigestMismatchError: bytes differ from their digests; the old champion keeps serving.
        PermanentError: a model does not load or predict; the old champion keeps serving.
        RetryableError: the pointer was moved by another writer.
    """
    candidate_files = read_candidate(store, candidate.candidate_id)
    manifest = build_manifest(candidate_files, session, candidate.metrics, candidate.reason, candidate.verdict)
    current, _ = read_champion(store)
    if move and _decide_without_moving(current, manifest) is None:
        require_rival(current, manifest, candidate.judged_against)  # before anything is written
    manifest = upload(store, manifest)
    verify_release(store, manifest.release_id, served=False)
    if not move:
        provisional = f"{manifest.release_id} scores as provisional: {candidate.reason}"
        reason = provisional if candidate.verdict == "hold" else "a backfill never moves the champion"
        return manifest, keep_champion(store, reason)
    return manifest, move_champion(store, manifest, run_id, candidate.judged_against, candidate.reason)
