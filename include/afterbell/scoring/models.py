"""The models of a release, read for scoring: verified before they are opened, and of the expected schema."""

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
    """One model as it is stored: text of its family's declared format."""

    family: str
    horizon: int
    body: bytes

    @property
    def label(self) -> str:
        """The model's name in messages."""
        return f"{self.family} of horizon {self.horizon}"


def open_release(store: ArtifactStore, release_id: str) -> tuple[Manifest, tuple[ModelText, ...]]:
    """The manifest and the models of ``release_id``, ordered by horizon and family.

    Raises:
        ObjectMissingError: the release or one of its files does not exist.
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


def require_schema(release_id: str, schema: SetSchema, definitions: Collection[str], session: str) -> None:
    """Check that the features of ``session`` were made by the definition that the release was trained on.

    Args:
        release_id: of the release.
        schema: one of its sets.
        definitions: definition hashes of the session's rows.
        session: for the message.

    Raises:
        StaleInputError: they were made by another.
    """
    expected = schema.definition_hash
    if expected not in definitions:
        raise StaleInputError(
            f"release {release_id} takes features.{schema.set} of definition {expected}, the rows "
            f"of session {session} have definition {', '.join(sorted(definitions))}: rerun features, train and publish"
        )


def _difference(names: tuple[str, ...], expected: tuple[str, ...]) -> str:
    if sorted(names) == sorted(expected):
        return f"the same {len(names)} features in another order than the manifest"
    extra, missing = set(names) - set(expected), set(expected) - set(names)
    return f"{len(names)} features, beyond the manifest {sorted(extra)}, without {sorted(missing)}"
