"""The models of a release, read for scoring: verified before they are opened, and of the schema at hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from afterbell.errors import StaleInputError
from afterbell.release.catalog import read_manifest, read_model, require_pointed_at
from afterbell.release.manifest import Manifest, SetSchema
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.families import load_model


@dataclass(frozen=True)
class ModelText:
    """One model as it stands in the store: text of its family's declared format."""

    family: str
    horizon: int
    body: bytes

    @property
    def label(self) -> str:
        """Its name in a message."""
        return f"{self.family} of horizon {self.horizon}"


def open_release(store: ArtifactStore, release_id: str) -> tuple[Manifest, tuple[ModelText, ...]]:
    """The manifest and the models of ``release_id``, ordered by horizon and family.

    Raises:
        ObjectMissingError: the release or one of its files is not there.
        DigestMismatchError: a file's size or SHA-256 is not the manifest's, or the manifest is not the one that the
            champion pointer names; nothing of it was opened.
        StaleInputError: a model takes other features, or in another order, than the manifest says.
        PermanentError: a model is not in its family's format.
    """
    manifest = read_manifest(store, release_id)
    require_pointed_at(store, release_id)
    models = []
    for entry in sorted(manifest.models, key=lambda model: (model.horizon, model.family)):
        body = read_model(store, release_id, entry)
        names = tuple(load_model(entry.family, body).names)
        if names != manifest.features.names:
            raise StaleInputError(
                f"release {release_id}, model {entry.path}: it takes {_difference(names, manifest.features.names)}; "
                "publish a release whose models and manifest agree"
            )
        models.append(ModelText(entry.family, entry.horizon, body))
    return manifest, tuple(models)


def require_schema(release_id: str, wanted: SetSchema, found: Collection[str], session: str) -> None:
    """Check that the features of ``session`` were made by the definition that the release was trained on.

    Args:
        release_id: of the release.
        wanted: one of its sets.
        found: definition hashes of the session's rows.
        session: for the message.

    Raises:
        StaleInputError: they were made by another.
    """
    expected = wanted.definition_hash
    if expected not in found:
        raise StaleInputError(
            f"release {release_id} takes features.{wanted.set} of definition {expected}, the rows "
            f"of session {session} have definition {', '.join(sorted(found))}: rerun features, train and publish"
        )


def _difference(found: tuple[str, ...], expected: tuple[str, ...]) -> str:
    if sorted(found) == sorted(expected):
        return f"the same {len(found)} features in another order than the manifest"
    extra, missing = set(found) - set(expected), set(expected) - set(found)
    return f"{len(found)} features, beyond the manifest {sorted(extra)}, without {sorted(missing)}"
