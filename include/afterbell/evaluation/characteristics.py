"""Size and liquidity of symbols at the out-of-sample sessions: some columns of the features, or the bars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.evaluation.exposures import market_beta
from afterbell.evaluation.feature_rows import KEY, read_months
from afterbell.evaluation.panel import Floats, ScorePanel
from afterbell.lake.tables import BARS, Table
from afterbell.training.collect import StoredMonths
from afterbell.training.inputs import TrainingSnapshots

_FACTORS = ("SIZE", "DVOL20", "ILLIQ20")
"""Log market value of `fundamental`; log of the mean dollar volume and Amihud's illiquidity of `core`, 20 sessions."""
_WINDOW, _LEAST = 20, 10
_LOOK_BACK = timedelta(days=45)


def read_characteristics(
    spark: SparkSession, s3: S3Location, trained_on: TrainingSnapshots, first: date, last: date
) -> pl.DataFrame:
    """What is known of the symbols at the sessions from ``first`` to ``last``.

    Only the columns that are needed are read, a month at a time. Without a factor for the dollar volume, it is taken
    from the bars: the mean of close x volume over the last 20 of them, of their newest revisions.

    Returns:
        symbol, session, and float64 columns, those of which there is anything: ``SIZE``, ``DVOL20`` (log of the
        currency), ``ILLIQ20``; one row a symbol and session.
    """
    everyone = pl.lit(value=True)
    frames = []
    for name, definition in trained_on.definitions.items():
        keep = pl.col("definition_hash") == definition
        months = StoredMonths(spark, Table(f"features.{name}", ""), trained_on.features[name], s3, keep)
        if columns := [factor for factor in _FACTORS if factor in months.columns]:
            frames.append(read_months(months, columns, first, last, everyone))
    if not any("DVOL20" in frame.columns for frame in frames):
        months = StoredMonths(spark, BARS, trained_on.bars, s3)
        bars = read_months(months, ["close", "volume", "revision"], first - _LOOK_BACK, last, everyone)
        frames.append(dollar_volumes(bars, first))
    joined = frames[0]
    for frame in frames[1:]:
        own = frame.select(*KEY, *(name for name in frame.columns if name not in joined.columns))
        joined = joined.join(own, on=KEY, how="full", coalesce=True)
    return joined.with_columns(pl.exclude(KEY).cast(pl.Float64)).sort(KEY)


def dollar_volumes(bars: pl.DataFrame, first: date) -> pl.DataFrame:
    """``DVOL20`` of the bars from ``first`` on.

    Args:
        bars: symbol, session, close (as traded), volume (shares), revision; rows before ``first`` are looked back to.
        first: session.

    Returns:
        symbol, session, DVOL20: log(mean(close x volume) + 1) over the last 20 bars, 10 at least.
    """
    newest = bars.sort("symbol", "session", "revision").unique(KEY, keep="last", maintain_order=True)
    mean = (pl.col("close") * pl.col("volume")).rolling_mean(_WINDOW, min_samples=_LEAST).over("symbol")
    return newest.select(*KEY, DVOL20=(mean + 1.0).log()).filter(pl.col("session") >= first)


def placed(rows: pl.DataFrame, panel: ScorePanel, column: str) -> Floats:
    """A column of ``rows`` in the cells of ``panel``, float64 (sessions, symbols), NaN where it is not known."""
    out = np.full((len(panel.sessions), len(panel.symbols)), np.nan)
    if column in rows.columns:
        sessions = pl.DataFrame({"session": panel.sessions}).with_row_index("down")
        symbols = pl.DataFrame({"symbol": panel.symbols}).with_row_index("across")
        cells = rows.join(sessions, on="session").join(symbols, on="symbol")
        out[cells["down"].to_numpy(), cells["across"].to_numpy()] = cells[column].fill_null(np.nan).to_numpy()
    return out


def characteristics_of(
    panel: ScorePanel, daily: ScorePanel | None, rows: pl.DataFrame
) -> tuple[Mapping[str, Floats], Floats]:
    """What the exposures of ``panel`` are to, by name, and the daily dollar volumes.

    Size is the market value, or the dollar volume where no set has one; liquidity is the negative of Amihud's
    illiquidity, or the dollar volume where that is not the size already.

    Args:
        panel: whose cells.
        daily: the panel of horizon 1 of the same candidate, for the betas; None if there is none.
        rows: as ``read_characteristics`` returns them.

    Returns:
        float64 (sessions, symbols) of the panel each.
    """
    value, dollars, illiquidity = (placed(rows, panel, factor) for factor in _FACTORS)
    named: dict[str, Floats] = {}
    if daily is not None:
        named["market beta"] = market_beta(daily, panel)
    valued = bool(np.isfinite(value).any())
    named["size (market value)" if valued else "size (dollar volume)"] = value if valued else dollars
    if np.isfinite(illiquidity).any():
        named["liquidity (Amihud)"] = -illiquidity
    elif valued:
        named["liquidity (dollar volume)"] = dollars
    return named, np.expm1(dollars)
