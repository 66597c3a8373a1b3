"""Reading releases: which exist, what is in one, which one serves, and whether its bytes are unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterbell.errors import DigestMismatchError, ObjectMissingError, PermanentError
from afterbell.release.audit import recorded_digests
from afterbell.release.manifest import Manifest, ModelFile, parse_manifest, sha256
from afterbell.release.trusted import read_champion, read_standing
from afterbell.stores.artifacts import DOCUMENT_BYTES, ArtifactStore
from afterbell.training.families import load_model
from afterbell.training.families.composite.grouped import predict_all

__all__ = [
    "Verified", "list_releases", "probe", "read_champion", "read_manifest", "read_model", "release_key",
    "require_pointed_at", "require_recorded", "verify_release",
]  # fmt: skip
_PROBE_ROWS = 64


def release_key(release_id: str, path: str = "manifest.json") -> str:
    """The key of a file of a release in the artifact bucket."""
    return f"releases/{release_id}/{path}"


def list_releases(store: ArtifactStore) -> list[str]:
    """Ids of all complete releases (those with a manifest), oldest session first."""
    keys = [item.key.split("/") for item in store.list("releases/")]
    return sorted(parts[1] for parts in keys if len(parts) == 3 and parts[2] == "manifest.json")


def read_manifest(store: ArtifactStore, release_id: str) -> Manifest:
    """The manifest of ``release_id``.

    Raises:
        ObjectMissingError: there is no such release; the message lists the existing ones.
    """
    known = list_releases(store)
    if release_id not in known:  # membership: an id never becomes a path unchecked
        raise ObjectMissingError(f"release {release_id!r} does not exist; existing: {', '.join(known) or 'none'}")
    key = release_key(release_id)
    return parse_manifest(store.get(key), key)


@dataclass(frozen=True)
class Verified:
    """Result of a verification: the files checked, their bytes in all, and the models that predicted."""

    release_id: str
    files: int
    size: int
    predicted: int


def verify_release(store: ArtifactStore, release_id: str, *, served: bool = True) -> Verified:
    """Check every file of a release against its manifest, then load each model and predict with it.

    Args:
        store: the artifact store.
        release_id: of the release.
        served: whether it may have served before: its manifest must be the one that the audit trail recorded then.

    Raises:
        DigestMismatchError: a file differs from the manifest, or the manifest is not the release's own; nothing of it
            was opened.
        ObjectMissingError: a file is missing.
        PermanentError: a model can't be loaded or does not predict finite numbers.
    """
    manifest = read_manifest(store, release_id)
    if served:
        require_recorded(store, release_id)
    size = 0
    for model in manifest.models:
        body = read_model(store, release_id, model)
        size += len(body)
        probe(model, body, len(manifest.features.names))
    return Verified(release_id, len(manifest.models), size, len(manifest.models))


def require_recorded(store: ArtifactStore, release_id: str) -> None:
    """Refuse a release that served with another manifest than it has now.

    Raises:
        DigestMismatchError: the pointer or the audit trail has another digest.
    """
    # With a pointer that is not trusted a release can still be promoted: the audit trail counts.
    for digest, where in recorded_digests(store, read_standing(store).champion, release_id):
        _require_digest(store, release_id, digest, where)


def require_pointed_at(store: ArtifactStore, release_id: str) -> None:
    """Refuse the champion's release where its manifest is not the one that the pointer names.

    Raises:
        DigestMismatchError: it isn't, or the pointer is not trusted.
    """
    champion, _ = read_champion(store)
    if champion and champion.release_id == release_id:
        _require_digest(store, release_id, champion.manifest_sha256, "the champion pointer")


def _require_digest(store: ArtifactStore, release_id: str, digest: str, where: str) -> None:
    actual = sha256(store.get(release_key(release_id)))
    if digest != actual:
        raise DigestMismatchError(
            f"the manifest of {release_id} has SHA-256 {actual}, but {where} names {digest}: a release is immutable, "
            "the champion was not touched. Put the manifest back, or name another release"
        )


def read_model(store: ArtifactStore, release_id: str, model: ModelFile) -> bytes:
    """The bytes of one model, checked by size and digest before they are opened.

    Raises:
        DigestMismatchError: they differ from the manifest.
    """
    body = store.get(release_key(release_id, model.path), max(model.size, DOCUMENT_BYTES))
    if (len(body), sha256(body)) != (model.size, model.sha256):
        raise DigestMismatchError(
            f"{release_key(release_id, model.path)}: expected {model.size} bytes with SHA-256 {model.sha256}, "
            f"found {len(body)} bytes with {sha256(body)}; it was not opened"
        )
    return body


def probe(model: ModelFile, body: bytes, features: int) -> None:
    """Load a model, and predict with each one that it consists of on a fixed matrix, missing values among it.

    Raises:
        PermanentError: it can't be loaded here, or predicts something else than finite numbers.
    """
    matrix = np.random.default_rng(0).standard_normal((_PROBE_ROWS, features)).astype(np.float32)
    matrix[::7, 0] = np.nan
    with np.errstate(all="ignore"):  # what overflows shows below
        predicted = predict_all(load_model(model.family, body), matrix)
    if predicted.shape[1:] != (_PROBE_ROWS,) or not np.isfinite(predicted).all():
        broken = int((~np.isfinite(predicted)).sum())
        raise PermanentError(
            f"model {model.path} ({model.family}, horizon {model.horizon}) predicts {predicted.shape} with {broken} "
            f"non-finite values on a probe of {_PROBE_ROWS} rows; it is not published"
        )
