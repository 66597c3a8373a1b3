"""Scores of a candidate's out-of-sample predictions in the lake, and the feature weights of its models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.errors import DigestMismatchError
from afterbell.evaluation.gate import Contender
from afterbell.evaluation.metrics import Scored, score_panels
from afterbell.evaluation.out_of_sample import COLUMNS, contender, panels_of
from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.settings import GateSettings
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.tables import OUT_OF_SAMPLE, Table
from afterbell.stores.artifacts import DOCUMENT_BYTES, ArtifactStore
from afterbell.training.candidate import candidate_key
from afterbell.training.candidate_document import CandidateDocument
from afterbell.training.families import family_of, load_model
from afterbell.training.families.base import Model


@dataclass(frozen=True)
class CandidateScores:
    """One candidate's panels and scores by horizon, what the gate compares, and its rows."""

    panels: dict[int, ScorePanel]
    scored: dict[int, dict[str, Scored]]
    contender: Contender
    rows: int


def judge(
    rows: pl.DataFrame, candidate_id: str, session: date, settings: GateSettings, *, learned: bool = False
) -> CandidateScores:
    """Score the out-of-sample rows of one candidate; without any, it has no horizon.

    ``learned``: whether the families' weights in its blend are learned.
    """
    own = rows.filter(pl.col("candidate_id") == candidate_id)
    panels = {} if own.is_empty() else panels_of(own, learned=learned)
    scored = score_panels(panels, settings.portfolio)
    return CandidateScores(panels, scored, contender(candidate_id, session, panels, scored), own.height)


def read_rows(
    spark: SparkSession, s3: S3Location, snapshot: int, candidate_ids: list[str], table: Table = OUT_OF_SAMPLE
) -> pl.DataFrame:
    """The out-of-sample predictions of the candidates, columns as ``out_of_sample.COLUMNS``."""
    shape = shape_of(spark, table)
    # Written by one run each, files hold few candidates: only those of the requested ones are opened.
    frames = [
        read_files(
            plan_files(spark, table, snapshot, "candidate_id", candidate_id, candidate_id),
            shape,
            s3,
            pl.col("candidate_id") == candidate_id,
        )
        for candidate_id in dict.fromkeys(candidate_ids)
    ]
    return pl.concat(frames).select(COLUMNS)


def read_models(store: ArtifactStore, candidate: CandidateDocument, root: str = "") -> dict[int, dict[str, Model]]:
    """The final models of a candidate, by horizon and family.

    Raises:
        DigestMismatchError: a file is not the one that was made; it is not loaded.
    """
    models: dict[int, dict[str, Model]] = {}
    for model in candidate.models:
        key = candidate_key(candidate.candidate_id, model.path, root)
        body = store.get(key, max(model.size, DOCUMENT_BYTES))
        digest = hashlib.sha256(body).hexdigest()
        if digest != model.sha256:
            raise DigestMismatchError(f"{key}: expected SHA-256 {model.sha256}, found {digest}; train again")
        models.setdefault(model.horizon, {})[model.family] = load_model(model.family, body)
    return models


def weights_of(
    models: Mapping[int, Mapping[str, Model]],
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Gains of tree models, and coefficients of linear ones, by model name."""
    weights: dict[str, dict[str, dict[str, float]]] = {"gains": {}, "coefficients": {}}
    for family, horizon in sorted((family, horizon) for horizon, own in models.items() for family in own):
        weights[family_of(family).weights][f"{family} h{horizon}"] = models[horizon][family].weights()
    return weights["gains"], weights["coefficients"]
