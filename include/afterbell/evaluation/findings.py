"""What else is looked at before a candidate is published: its exposures, the room for money, and its final models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from pydantic import JsonValue
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.capacity import capacity
from afterbell.evaluation.characteristics import characteristics_of
from afterbell.evaluation.deciles import Deciles
from afterbell.evaluation.exposures import Exposures, exposures_of
from afterbell.evaluation.feature_rows import read_feature_rows
from afterbell.evaluation.final_check import NEWEST, FinalCheck, blend_of, check_final
from afterbell.evaluation.metrics import finite_or_none
from afterbell.evaluation.portfolio import positions_of
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.training.candidate_document import TrainedSet
from afterbell.training.families.base import Model

ModelsByHorizon = Mapping[int, Mapping[str, Model]]


@dataclass(frozen=True)
class FittedModels:
    """Models that are or would be published.

    Attributes:
        sets: what they take.
        models: by horizon and family.
        weights: of the families in the blend, by horizon; without a horizon where each counts alike.
    """

    sets: tuple[TrainedSet, ...]
    models: ModelsByHorizon
    weights: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Holdings:
    """What the portfolios of a candidate's blends hold, by horizon.

    Attributes:
        exposures: to market, size and liquidity; without a horizon for which nothing is known of them.
        capacity: money of one leg, in the dollars' currency; NaN where it is not known.
    """

    exposures: Mapping[int, Exposures] = field(default_factory=dict)
    capacity: Mapping[int, float] = field(default_factory=dict)


def weigh(own: CandidateScores, rows: pl.DataFrame, settings: PortfolioSettings) -> Holdings:
    """Exposures and capacity of a candidate's blends on its out-of-sample sessions.

    Args:
        own: its predictions.
        rows: size and liquidity on these sessions, as ``characteristics.read_characteristics`` returns them.
        settings: the share of volume, and how many symbols a session needs.
    """
    exposures: dict[int, Exposures] = {}
    room: dict[int, float] = {}
    for horizon, panel in sorted(own.panels.items()):
        scores = np.where(np.isfinite(panel.labels), panel.blend(), np.nan)
        characteristics, dollars = characteristics_of(panel, own.panels.get(1), rows)
        found = exposures_of(scores, panel.labels, characteristics, horizon, settings.min_symbols)
        if found is not None:
            exposures[horizon] = found
        room[horizon] = capacity(positions_of(Deciles(scores)), horizon, dollars, settings.volume_share)
    return Holdings(exposures, room)


def judged_sessions(*candidates: CandidateScores) -> tuple[date, date]:
    """The first and the last out-of-sample session of any of them."""
    days = [day for own in candidates for panel in own.panels.values() for day in panel.sessions]
    return min(days), max(days)


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
        beside = None
        if champion and horizon in champion.models and not theirs.is_empty():
            beside = blend_of(champion.models[horizon], theirs, champion.weights.get(horizon))
        checks[horizon] = check_final(panel, final.models[horizon], rows, session, beside, final.weights.get(horizon))
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


def closer_look(holdings: Holdings, finals: Mapping[int, FinalCheck]) -> dict[str, JsonValue]:
    """JSON values of the findings, by horizon (``h1``); None where a figure is not defined."""
    horizons = sorted({*holdings.exposures, *holdings.capacity, *finals})
    return {f"h{horizon}": _of_horizon(holdings, finals.get(horizon), horizon) for horizon in horizons}


def _of_horizon(holdings: Holdings, final: FinalCheck | None, horizon: int) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {"capacity": finite_or_none(holdings.capacity.get(horizon, math.nan))}
    if exposures := holdings.exposures.get(horizon):
        values["exposures"] = {name: finite_or_none(mean.value) for name, mean in exposures.correlations.items()}
        values["neutral_rank_ic"] = finite_or_none(exposures.neutral_rank_ic.value)
        values["neutral_rank_ic_se"] = finite_or_none(exposures.neutral_rank_ic.error)
    if final is not None:
        values["final"] = {
            "rank_ic": finite_or_none(final.rank_ic.value),
            "likeness": finite_or_none(final.likeness),
            "champion": finite_or_none(final.champion),
            "symbols": final.symbols,
            "problems": list(final.problems),
        }
    return values
