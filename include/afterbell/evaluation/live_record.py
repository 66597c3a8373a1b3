"""Signals that releases really gave, read once a run: a release's record for the gate, what was traded for the report.

Only signals of a release's own session and later ones count: where a session is scored again by a release of a later
one, its models have seen what came of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from pydantic import JsonValue
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.evaluation.live import decay, live_rank_ics
from afterbell.evaluation.metrics import finite_or_none
from afterbell.evaluation.overlap import Mean
from afterbell.evaluation.panel import BLEND, ScorePanel
from afterbell.lake.commit import ensure_table, head
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.tables import SHADOW_SIGNALS, SIGNALS

LIVE_COLUMNS = ("release_id", "symbol", "as_of", "horizon", "score")
_KEY = ["release_id", "symbol", "as_of", "horizon"]


@dataclass(frozen=True)
class LiveRecord:
    """What the signals that were traded earned, as far as it is known.

    Attributes:
        rank_ics: as ``live.live_rank_ics`` returns them.
        means: as ``live.decay`` returns them: by horizon of the signal and horizon of the label.
        releases: how many made these signals.
    """

    rank_ics: pl.DataFrame
    means: Mapping[tuple[int, int], Mean]
    releases: int

    @property
    def horizons(self) -> list[int]:
        """The horizons of signals with a known label, ascending."""
        return sorted({horizon for horizon, _ in self.means})

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values by horizon of the signal (``h1``); ``decay`` is by horizon of the label."""
        return {f"h{horizon}": self._of_horizon(horizon) for horizon in self.horizons}

    def _of_horizon(self, horizon: int) -> JsonValue:
        own = {label: mean for (signal, label), mean in self.means.items() if signal == horizon}
        values: dict[str, JsonValue] = {"decay": {f"h{label}": finite_or_none(own[label].value) for label in own}}
        if horizon in own:
            mean = own[horizon]
            values |= {"rank_ic": finite_or_none(mean.value), "rank_ic_se": finite_or_none(mean.error)}
            values["sessions"] = mean.values
        return values


def read_live(
    spark: SparkSession, s3: S3Location, releases: Collection[str], first: date, before: date
) -> pl.DataFrame:
    """The blend's scores of some releases, each on sessions from its own on.

    Args:
        spark: with the lake.
        s3: where its files are.
        releases: ids.
        first: no signal of an earlier session is read.
        before: nor one of this session or a later one.

    Returns:
        ``LIVE_COLUMNS``, and traded (boolean): whether the row is of ``signals.daily``, which comes first where both
        tables have it.
    """
    frames = []
    made_for = pl.col("release_id").str.slice(0, len("2026-06-30")).str.to_date(strict=False)
    own = pl.col("release_id").is_in(sorted(releases)) & (pl.col("family") == BLEND)
    own &= pl.col("as_of").is_between(first, before, closed="left") & (pl.col("as_of") >= made_for)
    for table in (SIGNALS, SHADOW_SIGNALS):
        ensure_table(spark, table)
        files = plan_files(spark, table, head(spark, table), "as_of", first, before) if releases else []
        shape = shape_of(spark, table).only([*LIVE_COLUMNS, "family"])
        frames.append(read_files(files, shape, s3, own).select(*LIVE_COLUMNS, traded=pl.lit(table == SIGNALS)))
    return pl.concat(frames).unique(_KEY, keep="first", maintain_order=True)


def live_record(live: pl.DataFrame, served: Sequence[str], panels: Mapping[int, ScorePanel], least: int) -> LiveRecord:
    """What was traded against what it earned.

    Args:
        live: as ``read_live`` returns it.
        served: the releases that served, the last one first; where several have scored a session the first counts.
        panels: the candidate's by horizon, whose labels count: made at this run's cut-off, of its universe.
        least: fewest symbols of a session.
    """
    order = pl.DataFrame({"release_id": served}, schema={"release_id": pl.String}).with_row_index("_move")
    traded = live.filter("traded").join(order, on="release_id", how="inner")
    counted = traded.filter(pl.col("_move") == pl.col("_move").min().over("as_of"))
    rank_ics = live_rank_ics(counted.with_columns(family=pl.lit(BLEND)), _labels(panels), least)
    known = counted.join(rank_ics.select(as_of="session").unique(), on="as_of", how="semi")
    return LiveRecord(rank_ics, decay(rank_ics), known["release_id"].n_unique())


def _labels(panels: Mapping[int, ScorePanel]) -> pl.DataFrame:
    """The labels of panels as rows: symbol, session, horizon, label."""
    frames = []
    for horizon, panel in sorted(panels.items()):
        down, across = np.nonzero(np.isfinite(panel.labels))
        frames.append(
            pl.DataFrame({
                "symbol": pl.Series(panel.symbols, dtype=pl.String).gather(across),
                "session": pl.Series(panel.sessions, dtype=pl.Date).gather(down),
                "horizon": pl.repeat(horizon, down.size, dtype=pl.Int32, eager=True),
                "label": panel.labels[down, across],
            })
        )  # fmt: skip
    return pl.concat(frames)
