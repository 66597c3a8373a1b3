"""The rows that the branch of an ingest run adds, and those around them. PyArrow reads a few rows without Spark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
from pyspark.sql import DataFrame, SparkSession

from afterbell.config.runtime import S3Location
from afterbell.errors import StaleInputError
from afterbell.lake.commit import added_rows
from afterbell.lake.scan import LakeFile, plan_files, read_files
from afterbell.lake.shape import Shape, shape_of
from afterbell.lake.snapshots import MAIN, lineage, live, ref_of
from afterbell.lake.storage import reachable
from afterbell.lake.tables import Table

IN_PROCESS = 500_000
"""New rows of a table up to which they are judged in the driver; more of them are judged by Spark."""


@dataclass(frozen=True)
class BranchSpan:
    """Two snapshots of a table: ``main``'s, and the branch's, which is the same where the branch adds nothing."""

    main: int
    tip: int


class BranchReader:
    """Reads tables as a branch shows them.

    Args:
        spark: a session on the lake.
        s3: where S3 is, if the lake is there.
        branch: the branch; tables without it are read at ``main``.
    """

    def __init__(self, spark: SparkSession, s3: S3Location, branch: str) -> None:
        self.spark, self.branch = spark, branch
        self._s3 = s3
        self._shapes: dict[str, Shape] = {}
        self._spans: dict[str, BranchSpan] = {}

    def span(self, table: Table) -> BranchSpan:
        """The snapshots between which the branch adds rows to ``table``.

        Raises:
            BaseMovedError: ``main`` moved since the branch was opened.
        """
        if table.name not in self._spans:
            self._spans[table.name] = self._find_span(table)
        return self._spans[table.name]

    def _find_span(self, table: Table) -> BranchSpan:
        live_table = live(self.spark, table)
        main, tip = ref_of(live_table, MAIN), ref_of(live_table, self.branch)
        if main is None:
            raise StaleInputError(
                f"table {table.name} has no branch {MAIN!r}: clear the task 'ingest' and all after it"
            )
        if tip is None or tip == main:
            return BranchSpan(main, main)
        if any(snapshot == main for snapshot, _ in lineage(live_table, tip)):
            return BranchSpan(main, tip)
        # The two have parted: this shows whether main has the same commit already, or another writer's.
        added_rows(self.spark, table, self.branch)
        return BranchSpan(main, main)

    def adds(self, table: Table) -> int:
        """How many rows the branch adds to ``table``."""
        return sum(self._new_files(table).values())

    def added(self, table: Table) -> pl.DataFrame:
        """The rows that the branch adds to ``table``."""
        paths = list(self._new_files(table))
        if all(reachable(path) for path in paths):
            return read_files([LakeFile(path, None) for path in paths], self._shape(table), self._s3)
        return _polars(self.added_on_spark(table), self._shape(table))

    def added_on_spark(self, table: Table) -> DataFrame:
        """The same rows, left where they are."""
        span = self.span(table)
        ends = {"start-snapshot-id": span.main, "end-snapshot-id": span.tip}
        return self.spark.read.options(**ends).table(table.full_name)

    def between(self, table: Table, column: str, low: date, high: date) -> pl.DataFrame:
        """Rows of ``table``, new ones included, with ``low <= column <= high``; other files are not opened."""
        files = plan_files(self.spark, table, self.span(table).tip, column, low, high)
        return read_files(files, self._shape(table), self._s3, pl.col(column).is_between(low, high))

    def _new_files(self, table: Table) -> dict[str, int]:
        """The data files that the branch adds, each with its number of rows."""
        span = self.span(table)
        if span.main == span.tip:
            return {}
        scan = live(self.spark, table).newIncrementalAppendScan()
        tasks = scan.fromSnapshotExclusive(span.main).toSnapshot(span.tip).planFiles()
        row_counts = {}
        try:
            iterator = tasks.iterator()
            while iterator.hasNext():
                file = iterator.next().file()
                row_counts[str(file.location())] = int(file.recordCount())
        finally:
            tasks.close()
        return row_counts

    def _shape(self, table: Table) -> Shape:
        if table.name not in self._shapes:
            self._shapes[table.name] = shape_of(self.spark, table)
        return self._shapes[table.name]


def _polars(rows: DataFrame, shape: Shape) -> pl.DataFrame:
    frame = pl.from_pandas(rows.toPandas())
    empty = pl.DataFrame(pl.from_arrow(shape.schema.empty_table()))
    return frame.select(pl.col(name).cast(kind) for name, kind in empty.schema.items())
