"""Releases as the gate compares a candidate with them."""

from __future__ import annotations

from afterbell.errors import GateError, ObjectMissingError
from afterbell.evaluation.rivals import ComparedRelease
from afterbell.release.catalog import read_manifest
from afterbell.stores.artifacts import ArtifactStore


def read_compared(store: ArtifactStore, release_id: str) -> ComparedRelease:
    """The release ``release_id``, by its manifest.

    Raises:
        GateError: the release is not there: nothing can be compared with it.
    """
    try:
        manifest = read_manifest(store, release_id)
    except ObjectMissingError as error:
        raise GateError(f"a candidate is compared with release {release_id}: {error}") from error
    return ComparedRelease(
        release_id=release_id,
        candidate_id=manifest.candidate_id,
        session=manifest.session,
        horizons=tuple(sorted({model.horizon for model in manifest.models})),
        recipe=(manifest.spec, manifest.features.model_dump(mode="json")),
    )
