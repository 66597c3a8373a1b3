"""Releases as a candidate is compared with them: out-of-sample predictions, then the signals that they really gave.

The sessions that a release was tested on end before its own; from there on its signals are its out-of-sample record. So
a champion that is kept for years can still be compared with. Labels are the candidate's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.evaluation.blend_weights import is_learned
from afterbell.evaluation.candidate_scores import CandidateScores, read_rows
from afterbell.evaluation.gate import Rival
from afterbell.evaluation.out_of_sample import panels_of
from afterbell.evaluation.paired import Scores, blended, join_scores, pair
from afterbell.evaluation.settings import GateSettings
from afterbell.training.candidate_document import CandidateDocument


@dataclass(frozen=True)
class ComparedRelease:
    """A release, as far as a candidate is compared with it.

    Attributes:
        release_id: of the release.
        candidate_id: under which its out-of-sample predictions are kept.
        session: that it was trained for.
        horizons: that it has models for.
        recipe: its model specification and the definitions of its factors, as JSON values.
    """

    release_id: str
    candidate_id: str
    session: date
    horizons: tuple[int, ...]
    recipe: tuple[Mapping[str, object], Mapping[str, object]]


@dataclass(frozen=True)
class Records:
    """Where the records of releases are read.

    Attributes:
        spark: with the lake.
        s3: where its files are.
        snapshot: of ``predictions.out_of_sample``.
        live: the signals of the compared releases, as ``live_record.read_live`` returns them.
        known: rows of the predictions that were read already, all those of each candidate that has any.
    """

    spark: SparkSession
    s3: S3Location
    snapshot: int
    live: pl.DataFrame
    known: pl.DataFrame | None = None

    def predictions_of(self, candidate_id: str) -> pl.DataFrame:
        """The out-of-sample predictions of a candidate."""
        if self.known is not None:
            own = self.known.filter(pl.col("candidate_id") == candidate_id)
            if not own.is_empty():
                return own
        return read_rows(self.spark, self.s3, self.snapshot, [candidate_id])


def read_rival(
    records: Records,
    champion: ComparedRelease,
    approved: ComparedRelease,
    own: CandidateScores,
    candidate: CandidateDocument,
    settings: GateSettings,
) -> Rival:
    """The champion, and the last release that a person approved, beside a candidate.

    Args:
        records: of all releases.
        champion: the release that serves.
        approved: the last release that a person approved; it may be the champion.
        own: the candidate's panels.
        candidate: the content of its ``candidate.json``.
        settings: the policy.

    Raises:
        GateError: predictions of a release stand more than once.
    """
    recipe = candidate.to_json()
    rows = records.predictions_of(champion.candidate_id)
    least = settings.portfolio.min_symbols
    paired = against_approved = pair(own.panels, _scores(records, champion, rows), least)
    if approved != champion:
        rows = records.predictions_of(approved.candidate_id)
        against_approved = pair(own.panels, _scores(records, approved, rows), least)
    return Rival(
        release_id=champion.release_id,
        candidate_id=champion.candidate_id,
        session=champion.session,
        horizons=champion.horizons,
        paired=paired,
        approved=against_approved,
        approved_id=approved.release_id,
        same_recipe=champion.recipe == (recipe["spec"], recipe["features"]),
    )


def live_scores(rows: pl.DataFrame) -> dict[int, Scores]:
    """Live scores by horizon.

    Args:
        rows: of one release, as ``live_record.read_live`` returns them.
    """
    scores = {}
    for horizon in sorted(rows["horizon"].unique().to_list()):
        own = rows.filter(pl.col("horizon") == horizon)
        sessions, symbols = own["as_of"].unique().sort(), own["symbol"].unique().sort()
        values = np.full((sessions.len(), symbols.len()), np.nan)
        down = sessions.search_sorted(own["as_of"]).to_numpy()
        across = symbols.search_sorted(own["symbol"]).to_numpy()
        values[down, across] = own["score"].to_numpy()
        scores[int(horizon)] = Scores(tuple(sessions.to_list()), tuple(symbols.to_list()), values)
    return scores


def _scores(records: Records, release: ComparedRelease, rows: pl.DataFrame) -> dict[int, Scores]:
    """The blend of a release by horizon: of its out-of-sample ``rows``, then live."""
    panels = {} if rows.is_empty() else panels_of(rows, learned=is_learned(release.recipe[0]))
    tested = {horizon: blended(panel) for horizon, panel in panels.items()}
    live = live_scores(records.live.filter(pl.col("release_id") == release.release_id))
    both = {horizon: join_scores(tested[horizon], live[horizon]) for horizon in tested.keys() & live.keys()}
    return tested | live | both
