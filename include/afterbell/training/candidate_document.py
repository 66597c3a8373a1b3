"""The document ``candidate.json``: what a training made, and from what. It imports no model family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ConfigDict

from afterbell.run.contracts.base import Record


class TrainedSet(Record):
    """The factors that the models take from one set, and the hash of its definition."""

    set: str
    definition_hash: str
    names: tuple[str, ...]


class TrainedFeatures(Record):
    """The factor sets that the models take."""

    sets: tuple[TrainedSet, ...]


class TrainedModel(Record):
    """One model: its file below the candidate's folder, its size in bytes, its SHA-256."""

    family: str
    horizon: int
    path: str
    size: int
    sha256: str


class CandidateDocument(Record):
    """The content of a candidate's ``candidate.json``; ``afterbell.training.candidate.describe`` makes it.

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
        left_out: what was left out because of the deadline.
        code_version: of the code that made them.
        environment: versions of the libraries that the numbers depend on.
        experiment: id of the experiment; set in experiments only.
        search: the trials by family and horizon; set in experiments only.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")  # which the writer below refuses; null would hide them

    candidate_id: str
    session: date
    spec: Mapping[str, Any]
    features: TrainedFeatures
    inputs: Mapping[str, object]
    models: tuple[TrainedModel, ...]
    train_rows: int
    train_sessions: tuple[date, ...]
    fits: int
    skipped: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    code_version: str = ""
    environment: Mapping[str, str] = {}
    experiment: str = ""
    search: tuple[object, ...] = ()

    def to_bytes(self) -> bytes:
        """The document that is stored; equal candidates give equal bytes.

        Raises:
            ValueError: a number is not finite.
        """
        document = self.model_dump(mode="json", exclude_unset=True)
        return json.dumps(document, sort_keys=True, indent=2, allow_nan=False).encode() + b"\n"
