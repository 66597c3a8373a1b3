"""What else is looked at before a candidate is published: its exposures, the room for money, and its final models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.capacity import capacity
from afterbell.evaluation.characteristics import characteristics_of, read_characteristics
from afterbell.evaluation.deciles import Deciles
from afterbell.evaluation.exposures import Exposures, exposures_of
from afterbell.evaluation.feature_rows import read_feature_rows
from afterbell.evaluation.final_check import NEWEST, FinalCheck, blend_of, check_final
from afterbell.evaluation.panel import blend
from afterbell.evaluation.portfolio import positions_of
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.training.candidate_document import TrainedSet
from afterbell.training.families.base import Model
from afterbell.training.inputs import Handed

ModelsByHorizon = Mapping[int, Mapping[str, Model]]


@dataclass(frozen=True)
class FittedModels:
    """Models that are or would be published: what they take, and the models by horizon and family."""

    sets: tuple[TrainedSet, ...]
    models: ModelsByHorizon


@dataclass(frozen=True)
class Findings:
    """By horizon: exposures of the blend, money that its portfolio has room for (NaN: not known), final models."""

    exposures: Mapping[int, Exposures] = field(default_factory=dict)
    capacity: Mapping[int, float] = field(default_factory=dict)
    finals: Mapping[int, FinalCheck] = field(default_factory=dict)


def weigh(
    spark: SparkSession, s3: S3Location, handed: Handed, own: CandidateScores, settings: PortfolioSettings
) -> Findings:
    """Exposures and capacity of a candidate's blends on its out-of-sample sessions."""
    days = [day for panel in own.panels.values() for day in panel.sessions]
    rows = read_characteristics(spark, s3, handed, min(days), max(days))
    exposures: dict[int, Exposures] = {}
    room: dict[int, float] = {}
    for horizon, panel in sorted(own.panels.items()):
        scores = blend(panel.scores)
        characteristics, dollars = characteristics_of(panel, own.panels.get(1), rows)
        found = exposures_of(scores, panel.labels, characteristics, horizon, settings.min_symbols)
        if found is not None:
            exposures[horizon] = found
        room[horizon] = capacity(positions_of(Deciles(scores)), horizon, dollars, settings.volume_share)
    return Findings(exposures, room)


def check_finals(
    spark: SparkSession,
    s3: S3Location,
    snapshots: Mapping[str, int],
    own: CandidateScores,
    final: FittedModels,
    session: date,
    champion: FittedModels | None = None,
) -> dict[int, FinalCheck]:
    """The final models of every horizon on the newest labelled sessions, and on ``session`` beside the champion's.

    Args:
        spark: for the lake's files.
        s3: where S3 is, if the lake is there.
        snapshots: of the factor sets' tables at the run.
        own: the candidate's out-of-sample predictions.
        final: its final models.
        session: the run's.
        champion: the models that serve; None where nothing serves. Where the run made no rows for them there is no
            comparison.
    """
    newest = [panel.sessions[-NEWEST:] for panel in own.panels.values()]
    symbols = {name for panel in own.panels.values() for name in panel.symbols}
    first = min(sessions[0] for sessions in newest)
    rows = read_feature_rows(spark, s3, snapshots, final.sets, (first, session), symbols)
    theirs = _rows_of_champion(spark, s3, snapshots, rows, final, champion, (session, symbols))
    checks: dict[int, FinalCheck] = {}
    for horizon, panel in sorted(own.panels.items()):
        served = champion.models.get(horizon) if champion and not theirs.is_empty() else None
        checks[horizon] = check_final(
            panel, final.models[horizon], rows, session, blend_of(served, theirs) if served else None
        )
    return checks


def _rows_of_champion(
    spark: SparkSession,
    s3: S3Location,
    snapshots: Mapping[str, int],
    rows: pl.DataFrame,
    final: FittedModels,
    champion: FittedModels | None,
    wanted: tuple[date, set[str]],
) -> pl.DataFrame:
    session, symbols = wanted
    if champion is None or champion.sets == final.sets:
        return rows.filter(pl.col("session") == session)
    return read_feature_rows(spark, s3, snapshots, champion.sets, (session, session), symbols)
