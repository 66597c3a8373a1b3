"""Which of the scored symbols are in the universe that a release was trained on, by what was known at the cut-off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pandas as pd
import polars as pl
from pydantic import ValidationError
from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import S3Location
from afterbell.errors import StaleInputError
from afterbell.features.grid import SessionGrid
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS
from afterbell.release.manifest import Manifest
from afterbell.training.collect import StoredMonths
from afterbell.training.grouping import liquidity_buckets
from afterbell.training.spec import UniverseFilter
from afterbell.training.universe import LOOK_BACK, judge_session


def rule_of(manifest: Manifest) -> UniverseFilter:
    """The filter of the rows that the release was trained on.

    Raises:
        StaleInputError: its manifest has none.
    """
    try:
        return UniverseFilter.model_validate(manifest.spec.get("universe"))
    except ValidationError as error:
        raise StaleInputError(
            f"release {manifest.release_id}: spec.universe of its manifest is not the filter of a universe, so nobody "
            f"can tell which symbols it was trained for ({error.error_count()} faults, the first: "
            f"{error.errors()[0]['msg']}): publish a release of today's specification"
        ) from error


def liquidity_of(
    manifest: Manifest, judged: pl.DataFrame, count: Callable[[Sequence[str]], pd.DataFrame]
) -> dict[str, str] | None:
    """The group by liquidity of each symbol of the session; None where the release's models are not grouped by that.

    Args:
        manifest: of the release.
        judged: the frame of ``judge_session``.
        count: gives symbol and finite, how many of the features are: ``count_finite`` of the session's rows.
    """
    grouping = manifest.spec.get("grouping")
    if not isinstance(grouping, Mapping) or grouping.get("by") != "liquidity":
        return None
    names = manifest.features.names
    inside = members(judged, count(names), rule_of(manifest), len(names))
    symbols, dollars = judged["symbol"].to_list(), judged["dollars"].to_list()
    return liquidity_buckets(symbols, dollars, [symbol in inside for symbol in symbols], int(grouping["buckets"]))


def read_judged(
    spark: SparkSession, s3: S3Location, snapshots: tuple[int, int], exchange: Exchange, session: date,
    rule: UniverseFilter,
) -> pl.DataFrame:  # fmt: skip
    """The bars of ``session``, judged by ``rule``: the frame of ``judge_session``.

    Args:
        spark: with the lake.
        s3: where its files are.
        snapshots: of ``market.bars`` and of the corporate actions.
        exchange: whose sessions count.
        session: the last of them; nothing that became known after its cut-off counts.
        rule: the thresholds.

    Raises:
        PermanentError: no bar of the look-back was known.
        ValidationFailedError: none of the session was.
    """
    bars, actions = snapshots
    days = [*exchange.before(session, LOOK_BACK * rule.window - 1), session]
    stored = StoredMonths(spark, BARS, bars, s3, sessions=(days[0], session))
    files = plan_files(spark, CORPORATE_ACTIONS, actions)
    known = read_files(files, shape_of(spark, CORPORATE_ACTIONS), s3)
    return judge_session(rule, stored, known, SessionGrid.of(exchange, days))


def members(judged: pl.DataFrame, scores: pd.DataFrame, rule: UniverseFilter, features: int) -> frozenset[str]:
    """The scored symbols that a matrix would have a row of: tradable, and with enough finite features.

    Args:
        judged: the frame of ``judge_session``.
        scores: symbol and finite (how many features are), as ``score_frame`` collects them.
        rule: the thresholds.
        features: how many there are.
    """
    enough = scores.loc[scores["finite"] >= rule.min_feature_share * features, "symbol"]
    return frozenset(enough) & frozenset(judged.filter("tradable")["symbol"])
