"""A candidate: the models of one training run, their digests, and the inputs that they were trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from afterbell.errors import PermanentError
from afterbell.lake.commit import commit_id
from afterbell.provenance import code_version, environment_versions
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate_document import CandidateDocument, TrainedFeatures, TrainedModel, TrainedSet
from afterbell.training.families import FAMILIES
from afterbell.training.fits import FitResult, TrainingOutcome
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix import Matrix
from afterbell.training.packed import is_packed
from afterbell.training.spec import ModelSpec


def candidate_id(
    session: date, snapshots: TrainingSnapshots, spec: ModelSpec, left_out: Sequence[str] = (), **more: object
) -> str:
    """16 hexadecimal digits that session, snapshots, definitions, specification, code and libraries decide.

    Args:
        session: the exchange session the run is for.
        snapshots: the inputs, by snapshot and definition.
        spec: the model specification.
        left_out: what was left out for the deadline, which makes another candidate.
        more: what else decides the id, in an experiment.
    """
    omissions = {"left_out": sorted(left_out)} if left_out else {}
    return commit_id(
        "train",
        **more,
        session=session,
        inputs=snapshots.ids(),
        definition_hashes=snapshots.definitions,
        config=spec.model_dump(mode="json"),
        code=code_version(),
        environment=_environment(spec),
        **omissions,
    )[:16]


def candidate_key(identifier: str, path: str = "candidate.json", root: str = "") -> str:
    """The key of a candidate's file in the artifact bucket; ``root`` is the folder of an experiment."""
    return f"{root}candidates/{identifier}/{path}"


def model_path(result: FitResult) -> str:
    """Path of a model below its candidate or release."""
    suffix = "packed" if is_packed(result.model) else FAMILIES[result.fit.family].suffix
    return f"models/{result.fit.family}-h{result.fit.horizon}.{suffix}"


def horizons_without_model(spec: ModelSpec, outcome: TrainingOutcome) -> list[int]:
    """The horizons of the specification for which no model was made."""
    made = {result.fit.horizon for result in outcome.finals}
    return [horizon for horizon in spec.horizons if horizon not in made]


def describe(
    identifier: str,
    session: date,
    spec: ModelSpec,
    matrix: Matrix,
    outcome: TrainingOutcome,
    snapshots: TrainingSnapshots,
    left_out: Sequence[str] = (),
) -> CandidateDocument:
    """Make the content of ``candidate.json``; nothing in it depends on when or where the run ran.

    Args:
        identifier: the candidate's id.
        session: the exchange session the run is for.
        spec: the model specification.
        matrix: what was trained on.
        outcome: the results of the fits.
        snapshots: the inputs, by snapshot and definition.
        left_out: what was left out because of the deadline.

    Raises:
        PermanentError: a horizon has no model.
    """
    missing = horizons_without_model(spec, outcome)
    if missing:
        raise PermanentError(
            f"no model is left for horizon {', '.join(map(str, missing))}; expected one of each of "
            f"{list(spec.horizons)}. Left out: {'; '.join(outcome.skipped) or 'nothing'}. Ingest more sessions, or "
            "relax the specification"
        )
    last = max(result.fit.train_last for result in outcome.finals)
    return CandidateDocument(
        candidate_id=identifier,
        session=session,
        spec=spec.model_dump(mode="json"),
        features=TrainedFeatures(
            sets=tuple(
                TrainedSet(set=name, definition_hash=snapshots.definitions[name], names=columns)
                for name, columns in matrix.sets.items()
            )
        ),
        inputs=snapshots.ids(),
        models=tuple(_describe_model(result) for result in outcome.finals),
        train_rows=max(result.rows for result in outcome.finals),
        train_sessions=(matrix.grid[int(matrix.sessions[0])], matrix.grid[last]),
        fits=len(outcome.finals) + len(outcome.folds),
        skipped=outcome.skipped,
        left_out=tuple(left_out),
        code_version=code_version(),
        environment=_environment(spec),
    )


def _environment(spec: ModelSpec) -> dict[str, str]:
    """Versions of what the numbers depend on, the packages of the families among them."""
    return environment_versions(package for name in spec.families.named() for package in FAMILIES[name].packages)


def _describe_model(result: FitResult) -> TrainedModel:
    return TrainedModel(
        family=result.fit.family,
        horizon=result.fit.horizon,
        path=model_path(result),
        size=len(result.model),
        sha256=hashlib.sha256(result.model).hexdigest(),
    )


def upload(store: ArtifactStore, document: CandidateDocument, outcome: TrainingOutcome, root: str = "") -> None:
    """Write the models, then ``candidate.json``: a candidate without it was never finished."""
    identifier = document.candidate_id
    for result in outcome.finals:
        store.put(candidate_key(identifier, model_path(result), root), result.model)
    store.put(candidate_key(identifier, root=root), document.to_bytes())


def read_candidate(store: ArtifactStore, identifier: str, root: str = "") -> CandidateDocument:
    """Read a candidate's ``candidate.json``.

    Raises:
        ObjectMissingError: there is no such candidate, or it was never finished.
        ConfigError: the document is not JSON, or a value has another form.
    """
    return CandidateDocument.read(store.get(candidate_key(identifier, root=root)))
