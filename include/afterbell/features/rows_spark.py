"""Bars and actions side by side in one shuffle, all rows of a symbol in one partition, sorted by symbol."""

from __future__ import annotations

import math
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.features.grid import FIELDS

ROWS_A_PARTITION = 250_000


def long_rows(bars: DataFrame, actions: DataFrame) -> DataFrame:
    """One frame of both: ``kind`` is null on bars; ``open .. volume`` and ``revision`` are null on actions.

    Args:
        bars: rows of ``market.bars``.
        actions: rows of ``market.corporate_actions``.
    """
    left = bars.select(
        "symbol",
        "session",
        "knowledge_time",
        "revision",
        *(F.col(name).cast("double").alias(name) for name in FIELDS),
        F.lit(None).cast("string").alias("kind"),
        F.lit(None).cast("double").alias("factor"),
    )
    right = actions.select("symbol", F.col("ex_session").alias("session"), "knowledge_time", "kind", "factor")
    return left.unionByName(right, allowMissingColumns=True)


def by_symbol(rows: DataFrame, partitions: int) -> DataFrame:
    """Spread ``rows`` by the hash of their symbol and sort each partition by symbol."""
    return rows.repartition(partitions, "symbol").sortWithinPartitions("symbol")


def partitions_for(rows: int, cores: int) -> int:
    """Partitions for ``rows`` rows: ``ROWS_A_PARTITION`` each, in full waves of ``cores``."""
    wanted = max(1, math.ceil(rows / ROWS_A_PARTITION))
    return math.ceil(wanted / cores) * cores


def known_sessions(bars: DataFrame) -> tuple[date, date] | None:
    """The first and the last session in ``bars``; None if there is none."""
    row = bars.agg(F.min("session").alias("first"), F.max("session").alias("last")).first()
    return None if row is None or row["first"] is None else (row["first"], row["last"])
