"""What ``candidate.json`` has for people to read: the report of a candidate shows it. Models are not loaded by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict


class _CandidatePart(BaseModel):
    model_config = ConfigDict(frozen=True)


class TrainedSet(_CandidatePart):
    """The factors that the models take from one set, and the hash of its definition."""

    set: str
    definition_hash: str
    names: tuple[str, ...]


class TrainedFeatures(_CandidatePart):
    """The factor sets that the models take."""

    sets: tuple[TrainedSet, ...]


class TrainedModel(_CandidatePart):
    """One model, and the SHA-256 of its file."""

    family: str
    horizon: int
    sha256: str


class CandidateDocument(_CandidatePart):
    """The content of a candidate's ``candidate.json``; ``afterbell.training.candidate.describe`` writes it.

    Attributes:
        candidate_id: 16 hexadecimal digits.
        session: the exchange session the run was for.
        spec: the model specification.
        features: the factor sets.
        inputs: ids of what was read: snapshots, some of them by factor set.
        models: those of all families and horizons.
        train_rows: rows that the largest of them was fitted to.
        train_sessions: the first and the last.
        fits: how many, those of the folds among them.
        skipped: a sentence for each that was left out.
        code_version: of the code that made them.
        environment: versions of the libraries that the numbers depend on.
    """

    candidate_id: str
    session: date
    spec: Mapping[str, object]
    features: TrainedFeatures
    inputs: Mapping[str, object]
    models: tuple[TrainedModel, ...]
    train_rows: int
    train_sessions: tuple[date, date]
    fits: int
    skipped: tuple[str, ...]
    code_version: str = ""
    environment: Mapping[str, str] = {}
