"""What training reads from the lake at the snapshots it was handed, collected once through Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from afterbell.calendar.sessions import Exchange
from afterbell.features.grid import CUT_OFF
from afterbell.features.labels_spark import label_frame
from afterbell.lake.commit import at_snapshot
from afterbell.lake.tables import BARS, CATALOG, CORPORATE_ACTIONS
from afterbell.training.spec import ModelSpec

_NOT_FACTORS = ("definition_hash", "input_snapshot")


def to_polars(frame: DataFrame) -> pl.DataFrame:
    """Collect ``frame`` as packed Arrow blocks, without a Python object for each value.

    `toPandas` would hold the blocks, their concatenation and a frame of Python strings at the same time.
    """
    packed = frame.mapInArrow(_pack, "block binary")
    tables = [pa.ipc.open_stream(row.block).read_all() for row in packed.collect()]
    if not tables:
        return pl.DataFrame(schema=dict.fromkeys(frame.columns, pl.Null))
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables)))


def _pack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.record_batch({"block": pa.array([sink.getvalue().to_pybytes()], pa.binary())})


def read_features(spark: SparkSession, factor_set: str, snapshot: int, definition_hash: str, last: date) -> DataFrame:
    """The rows of one definition up to ``last``: symbol, session, then the factors in the table's order."""
    stored = spark.read.option("snapshot-id", snapshot).table(f"{CATALOG}.features.{factor_set}")
    wanted = stored.where((F.col("definition_hash") == definition_hash) & (F.col("session") <= F.lit(last)))
    return wanted.drop(*_NOT_FACTORS)


def read_labels(
    spark: SparkSession, snapshots: dict[str, int], exchange: Exchange, last: date, spec: ModelSpec
) -> DataFrame:
    """symbol, session and ``label_h<h>`` as float32, from what is known at the cut-off of ``last``."""
    bars = at_snapshot(spark, BARS, snapshots["bars_snapshot"])
    actions = at_snapshot(spark, CORPORATE_ACTIONS, snapshots["actions_snapshot"])
    names = [f"label_h{horizon}" for horizon in spec.horizons]
    labels = label_frame(bars, actions, exchange, last, spec.horizons)
    return labels.select("symbol", "session", *(F.col(name).cast("float") for name in names))


def read_bars(spark: SparkSession, snapshot: int, exchange: Exchange, grid: list[date]) -> DataFrame:
    """symbol, session, close and volume: the newest revision known at each session's own cut-off."""
    cut_offs = [(day, exchange.close(day) + CUT_OFF) for day in grid]
    known_by = F.broadcast(spark.createDataFrame(cut_offs, "session date, cut_off timestamp"))
    bars = at_snapshot(spark, BARS, snapshot).join(known_by, on="session", how="inner")
    newest = F.max(F.struct("knowledge_time", "revision", "close", "volume")).alias("newest")
    return (
        bars.where(F.col("knowledge_time") <= F.col("cut_off"))
        .groupBy("symbol", "session")
        .agg(newest)
        .select("symbol", "session", F.col("newest.close").alias("close"), F.col("newest.volume").alias("volume"))
    )
