"""Factor sets on Spark: find the holes, stream symbols through the kernels, keep the table's columns in step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import reduce
from operator import or_

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.calendar.sessions import Exchange
from afterbell.features.compute import Rows, compute
from afterbell.features.factors import FactorSet
from afterbell.features.grid import SessionGrid, cut_off_micros
from afterbell.features.holes import Plan, plan_holes
from afterbell.features.rows_spark import by_symbol, known_sessions, long_rows
from afterbell.features.streams import panels
from afterbell.lake.tables import Table


def find_holes(bars: DataFrame, stored: DataFrame, factors: FactorSet, exchange: Exchange, last: date) -> Plan | None:
    """The sessions up to ``last`` that ``stored`` lacks and ``bars`` can fill; None where there is none.

    A session none of whose bars was known at its own cut-off (its drop never came, and the next one brought its bars)
    has no feature rows and is no hole.

    Args:
        bars: rows of ``market.bars`` at a snapshot.
        stored: rows of the factor set's table.
        factors: the set; only rows under its definition hash count as stored.
        exchange: whose sessions are counted.
        last: the last session to fill.
    """
    limits = known_sessions(bars.where(F.col("session") <= last))
    if limits is None:
        return None
    same = stored.where(F.col("definition_hash") == factors.definition_hash)
    done = {row["session"] for row in same.select("session").distinct().collect()}
    candidates = [session for session in exchange.between(limits[0], last) if session not in done]
    if not candidates:
        return None
    calendar = _calendar(exchange, candidates[0], last, factors.depth)
    return plan_holes(calendar, _known_in_time(bars, candidates, exchange), done, factors.depth)


def _calendar(exchange: Exchange, first: date, last: date, depth: int) -> list[date]:
    """Sessions from ``depth`` before ``first`` to ``last``; an exchange trades on more than half of all days."""
    sessions = exchange.between(first - timedelta(days=2 * depth + 10), last)
    return sessions[sessions.index(first) - depth :]


def _known_in_time(bars: DataFrame, candidates: list[date], exchange: Exchange) -> set[date]:
    asked = bars.where(F.col("session").between(candidates[0], candidates[-1])).where(
        F.col("session").isin(candidates) if len(candidates) <= 64 else F.lit(True)  # a long list only slows the scan
    )
    # As a number: collected timestamps would come back in the driver's own zone.
    known = F.unix_micros(F.min("knowledge_time")).alias("known")
    rows = asked.groupBy("session").agg(known).collect()
    wanted = [row for row in rows if row["session"] in set(candidates)]
    return {row["session"] for row in wanted if row["known"] <= cut_off_micros(exchange, row["session"])}


def feature_rows(
    bars: DataFrame, actions: DataFrame, factors: FactorSet, exchange: Exchange, plan: Plan, partitions: int
) -> DataFrame:
    """The rows that ``plan`` wants: ``symbol``, ``session`` and one float column a factor, null where undefined.

    Args:
        bars: rows of ``market.bars`` at a snapshot.
        actions: rows of ``market.corporate_actions`` at a snapshot.
        factors: the set.
        exchange: whose sessions are counted.
        plan: from ``find_holes``.
        partitions: of the shuffle by symbol.
    """
    grid = SessionGrid.of(exchange, list(plan.sessions))
    wanted = np.array(plan.wanted, dtype=np.int64)
    rows = long_rows(
        bars.where(_inside(plan, "session")),
        # An action between two ranges moves prices on both sides of it by nothing: no window spans the gap.
        actions.where(_inside(plan, "ex_session")),
    )

    def kernels(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for names, panel in panels(batches, grid, max_age=factors.depth):
            for found in compute(panel, factors, wanted):
                yield to_batch(names, found, factors)

    columns = ", ".join(f"`{name}` float" for name in factors.names)
    return by_symbol(rows, partitions).mapInArrow(kernels, f"symbol string, session date, {columns}")


def _inside(plan: Plan, column: str) -> Column:
    return reduce(or_, (F.col(column).between(first, last) for first, last in plan.ranges))


def to_batch(names: pa.Array, rows: Rows, factors: FactorSet) -> pa.RecordBatch:
    """Feature rows as an Arrow batch; NaN becomes null, so that SQL's averages leave it out."""
    columns = {
        "symbol": names.take(pa.array(rows.symbol)),
        "session": pa.array(rows.session.astype(np.int32)).cast(pa.date32()),
    }
    for name, values in zip(factors.names, rows.values, strict=True):
        columns[name] = pa.array(values, mask=np.isnan(values))
    return pa.record_batch(columns)


def align_columns(spark: SparkSession, frame: DataFrame, table: Table) -> DataFrame:
    """Add factors that ``table`` doesn't have yet to it, and to ``frame`` those that the set has no more, as null."""
    present = spark.table(table.full_name).schema
    missing = [name for name in frame.columns if name not in present.fieldNames()]
    if missing:
        added = ", ".join(f"`{name}` float" for name in missing)
        spark.sql(f"ALTER TABLE {table.full_name} ADD COLUMNS ({added})")
    dropped = [field for field in present if field.name not in frame.columns]
    return frame.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in dropped))
