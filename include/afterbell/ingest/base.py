"""The lake before an ingest: the snapshots it builds on, and the few rows of them that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.ingest.plan import KnownDrop
from afterbell.lake.commit import ensure_table, head
from afterbell.lake.scan import LakeFile, plan_files, read_files
from afterbell.lake.shape import Shape, shape_of
from afterbell.lake.snapshots import side_by_side
from afterbell.lake.tables import DROPS, Table


class Base:
    """Snapshots of ``main``, resolved once; everything is read at these. Missing tables are created.

    Attributes:
        spark: a session on the lake.
        s3: where S3 is, if the lake is there.
        heads: snapshot ids by table name.
    """

    def __init__(self, spark: SparkSession, s3: S3Location, tables: Iterable[Table]) -> None:
        self.spark, self.s3 = spark, s3
        names = list(tables)
        opened = side_by_side(spark, lambda table: self._open(spark, table), names)
        self.heads = {table.name: snapshot_id for table, (snapshot_id, _) in zip(names, opened, strict=True)}
        self._shapes = {table.name: shape for table, (_, shape) in zip(names, opened, strict=True)}

    @staticmethod
    def _open(spark: SparkSession, table: Table) -> tuple[int, Shape]:
        ensure_table(spark, table)
        return head(spark, table), shape_of(spark, table)

    def shape(self, table: Table) -> Shape:
        """The shape that a writer of ``table`` needs."""
        return self._shapes[table.name]

    def files(self, table: Table, column: str = "", low: Any = None, high: Any = None) -> list[LakeFile]:
        """The files that may have rows with ``low <= column <= high``; all, without a column."""
        return plan_files(self.spark, table, self.heads[table.name], column, low, high)

    def rows(self, table: Table, column: str = "", low: Any = None, high: Any = None) -> pl.DataFrame:
        """The rows with ``low <= column <= high``; all, without a column."""
        # A bound that is text would be taken for a column's name.
        keep = pl.col(column).is_between(pl.lit(low), pl.lit(high)) if column else None
        return read_files(self.files(table, column, low, high), self.shape(table), self.s3, keep)

    def known_drops(self) -> list[KnownDrop]:
        """The lines of the ledger."""
        names = ("source", "store", "key", "version", "sha256", "session", "state")
        rows = self.rows(DROPS).select(
            *names,
            pl.col("knowledge_time").dt.epoch("us"),
            # A ledger that was written before these columns existed has no values in them.
            pl.col("text_bytes").fill_null(0),
            pl.col("text_sha256").fill_null(""),
            pl.col("left_rows").fill_null(0),
        )
        return [KnownDrop(**row | {"knowledge_time": _instant(row["knowledge_time"])}) for row in rows.rows(named=True)]


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, UTC)


def months_from_1970(day: date) -> int:
    """The partition of a month."""
    return (day.year - 1970) * 12 + day.month - 1
