"""The manifest of a release: everything needed to serve it, to check it, and to trace each of its numbers."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import Any

from pydantic import Field, ValidationError, model_validator

from afterbell.config.loader import Strict
from afterbell.errors import DigestMismatchError

POINTER = "champion.json"
RELEASE_ID = r"^\d{4}-\d{2}-\d{2}-[0-9a-f]{12}$"
_SHA256 = r"^[0-9a-f]{64}$"
_IN_A_RELEASE = re.compile(r"releases/(?P<id>[^/]+)/manifest\.json")
AUDIT_KEY = re.compile(r"audit/[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{16}\.json")


class ModelFile(Strict):
    """One model of a release: its file below the release's folder, its size in bytes, its SHA-256."""

    family: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    horizon: int = Field(ge=1)
    path: str = Field(pattern=r"^models/[A-Za-z0-9_-]+\.(txt|json|packed)$")
    size: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256)


class SetSchema(Strict):
    """The factors that the models take from one set, in their order, and the hash of the set's definition."""

    set: str
    definition_hash: str
    names: tuple[str, ...] = Field(min_length=1)


class FeatureSchema(Strict):
    """The features that the models take: the factors of one set after the other, joined by symbol and session."""

    sets: tuple[SetSchema, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _of_one_set(cls, content: Any) -> Any:
        # Releases made before there could be several sets have one set without the list.
        return {"sets": [content]} if isinstance(content, dict) and "set" in content else content

    @property
    def names(self) -> tuple[str, ...]:
        """All factors, in the order of the models' columns."""
        return tuple(name for schema in self.sets for name in schema.names)

    @property
    def definition(self) -> str:
        """The definitions' hashes as one text; that of a single set is its hash."""
        return "+".join(schema.definition_hash for schema in self.sets)


class Manifest(Strict):
    """One immutable release.

    Attributes:
        release_id: session and the first half of the candidate's id.
        session: the exchange session it was trained for.
        candidate_id: the training run that made the models; a function of its inputs.
        models: every model file.
        features: the schema the models take.
        inputs: snapshot ids of the tables it was made from.
        spec: the configuration of the training.
        metrics: out-of-sample metrics, one mapping a horizon.
        verdict: the gate's decision and its reason.
        code_version: version of the library and digest of its sources.
        environment: versions of Python and of the libraries that make the numbers.
    """

    release_id: str = Field(pattern=RELEASE_ID)
    session: date
    candidate_id: str
    models: tuple[ModelFile, ...] = Field(min_length=1)
    features: FeatureSchema
    inputs: dict[str, Any]
    spec: dict[str, Any]
    metrics: dict[str, Any]
    verdict: dict[str, str]
    code_version: str
    environment: dict[str, str]

    def blend_weights(self) -> dict[int, dict[str, float]]:
        """The weights of the families in the blend, by horizon; none where each counts alike."""
        horizons = sorted({model.horizon for model in self.models})
        learned = {horizon: self.metrics.get(f"h{horizon}", {}).get("blend") for horizon in horizons}
        return {horizon: dict(weights) for horizon, weights in learned.items() if weights}

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same release gives the same bytes."""
        body = self.model_dump(mode="json")
        return json.dumps(body, sort_keys=True, indent=2, allow_nan=False).encode() + b"\n"


class Champion(Strict):
    """The pointer: which release serves.

    Attributes:
        release_id: the champion.
        session: its session.
        candidate_id: its candidate, under which its out-of-sample predictions are kept.
        manifest_sha256: digest of its manifest, so that a changed manifest is noticed.
        previous: what a rollback goes back to; None where that is not known.
        moved_at: UTC instant.
        run_id: the run that moved the pointer.
        audit: key of the move's entry in the audit trail, without which it is not trusted; None for pointers of
            before there was one.
        chosen_until: a person moved the pointer: runs of sessions up to this one leave it alone, later ones compete
            with the champion as ever. None where a run moved it.
        approved: the last release that a person approved, or the first one; None where it is this one.
    """

    release_id: str = Field(pattern=RELEASE_ID)
    session: date
    candidate_id: str
    manifest_sha256: str = Field(pattern=_SHA256)
    previous: str | None
    moved_at: str
    run_id: str
    audit: str | None = Field(default=None, pattern=f"^{AUDIT_KEY.pattern}$")
    chosen_until: date | None = None
    approved: str | None = Field(default=None, pattern=RELEASE_ID, exclude_if=lambda value: value is None)

    @property
    def approved_id(self) -> str:
        """The last release that a person approved, or the first one."""
        return self.approved or self.release_id

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=2).encode() + b"\n"


def release_id(session: date, candidate_id: str) -> str:
    """The id of the release of a candidate; the same candidate is always the same release."""
    return f"{session.isoformat()}-{candidate_id[:12]}"


def sha256(body: bytes) -> str:
    """Hex SHA-256 of ``body``."""
    return hashlib.sha256(body).hexdigest()


def parse_manifest(body: bytes, key: str) -> Manifest:
    """Read a manifest.

    Args:
        body: the file.
        key: where it lies; in the folder of a release it must be that release's own.

    Raises:
        DigestMismatchError: it is not a manifest, or it is another release's.
    """
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        raise DigestMismatchError(f"{key} is not a manifest of a release: {error}") from error
    folder = _IN_A_RELEASE.fullmatch(key)
    if folder and manifest.release_id != folder["id"]:
        raise DigestMismatchError(
            f"{key}: expected the manifest of release {folder['id']}, found that of {manifest.release_id}; nothing of "
            "it was used. Put the release's own manifest back, or name another release"
        )
    if folder and manifest.release_id != release_id(manifest.session, manifest.candidate_id):
        raise DigestMismatchError(
            f"{key}: expected a release of session {manifest.session} and candidate {manifest.candidate_id} to be "
            f"named {release_id(manifest.session, manifest.candidate_id)}; the manifest was altered, nothing of it was "
            "used"
        )
    return manifest


def parse_champion(body: bytes) -> Champion:
    """Read the pointer.

    Raises:
        DigestMismatchError: it is not a valid pointer.
    """
    try:
        return Champion.model_validate_json(body)
    except ValidationError as error:
        raise DigestMismatchError(f"champion.json is not a pointer to a release: {error}") from error
