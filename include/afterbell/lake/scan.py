"""Reading a few rows of a table without a Spark job: Iceberg names the files that can match, PyArrow reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.lake.missing_files import lost
from afterbell.lake.shape import Shape
from afterbell.lake.snapshots import live
from afterbell.lake.storage import open_storage, reachable
from afterbell.lake.tables import Table

_AT_ONCE = 4


@dataclass(frozen=True)
class LakeFile:
    """A data file of a snapshot.

    Attributes:
        path: its address.
        partition: the month or day it is of, counted from 1970 on; None where the table isn't partitioned.
        body: its bytes, where its store can't be reached but through Iceberg.
        rows: how many it has.
    """

    path: str
    partition: int | None
    body: bytes = b""
    rows: int = 0


def plan_files(
    spark: SparkSession, table: Table, snapshot_id: int, column: str = "", low: Any = None, high: Any = None
) -> list[LakeFile]:
    """The files of a snapshot that may have rows with ``low <= column <= high``; all of them, without a column.

    Iceberg passes over manifests by their partitions and over files by their least and greatest values.
    """
    return with_bodies(spark, table, list_files(spark, table, snapshot_id, column, low, high))


def list_files(
    spark: SparkSession, table: Table, snapshot_id: int, column: str = "", low: Any = None, high: Any = None
) -> list[LakeFile]:
    """As ``plan_files``, without the bytes: ``with_bodies`` adds them for as many files as memory has room for."""
    live_table = live(spark, table)
    anything = spark._jvm.java.lang.Class.forName("java.lang.Object")  # noqa: SLF001 - Spark has no public door to it
    partitioned = not live_table.spec().isUnpartitioned()
    return [
        LakeFile(
            str(file.location()),
            file.partition().get(0, anything) if partitioned else None,
            rows=int(file.recordCount()),
        )
        for file in planned(spark, live_table, snapshot_id, column, low, high)
    ]


def with_bodies(spark: SparkSession, table: Table, files: Sequence[LakeFile]) -> list[LakeFile]:
    """``files`` with their bytes, where their store can't be reached but through Iceberg."""
    if all(reachable(file.path) for file in files):
        return list(files)
    live_table = live(spark, table)
    return [file if reachable(file.path) else replace(file, body=_read_bytes(live_table, file.path)) for file in files]


def first_partition(spark: SparkSession, table: Table, snapshot_id: int) -> int | None:
    """The first month or day that a snapshot of a partitioned table has files of; None where it has none.

    Iceberg keeps it beside the names of the manifests, none of which is opened.
    """
    live_table = live(spark, table)
    java = spark._jvm.org.apache.iceberg.types  # noqa: SLF001 - Spark has no public door to Iceberg
    kind = java.Types.IntegerType.get()
    least = [
        int(java.Conversions.fromByteBuffer(kind, manifest.partitions().get(0).lowerBound()))
        for manifest in live_table.snapshot(snapshot_id).dataManifests(live_table.io())
        if manifest.hasAddedFiles() or manifest.hasExistingFiles()
    ]
    return min(least, default=None)


def planned(
    spark: SparkSession, live_table: Any, snapshot_id: int, column: str = "", low: Any = None, high: Any = None
) -> Iterator[Any]:
    """The same files of a live table, as Iceberg's own ``DataFile``."""
    table_scan = live_table.newScan().useSnapshot(snapshot_id)
    if column:
        is_ = spark._jvm.org.apache.iceberg.expressions.Expressions  # noqa: SLF001 - Spark has no public door to it
        table_scan = table_scan.filter(
            getattr(is_, "and")(
                is_.greaterThanOrEqual(column, _literal(low)), is_.lessThanOrEqual(column, _literal(high))
            )
        )
    tasks = table_scan.planFiles()
    try:
        iterator = tasks.iterator()
        while iterator.hasNext():
            yield iterator.next().file()
    finally:
        tasks.close()


def lake_file(live_table: Any, file: Any) -> LakeFile:
    """A ``DataFile`` of a live table, as ``read_files`` takes it."""
    path = str(file.location())
    return LakeFile(path, None, b"" if reachable(path) else _read_bytes(live_table, path), int(file.recordCount()))


def _literal(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _read_bytes(live_table: Any, path: str) -> bytes:
    stream = live_table.io().newInputFile(path).newStream()
    try:
        return bytes(stream.readAllBytes())
    finally:
        stream.close()


def read_files(files: Sequence[LakeFile], shape: Shape, s3: S3Location, keep: pl.Expr | None = None) -> pl.DataFrame:
    """The rows of ``files``, the table's columns in its types, in no particular order.

    Args:
        files: as ``plan_files`` named them.
        shape: the table's; with a schema of some of its columns only those are read.
        s3: where S3 is, if the table is there.
        keep: which rows; all, if left out.

    Raises:
        ObjectMissingError: one of them is gone.
    """

    def read_one(file: LakeFile) -> pl.DataFrame:
        frame = _columns(read_columns(file, shape.name, s3, shape.schema.names), shape)
        if keep is None:
            return frame
        kept = frame.select(keep).to_series().fill_null(value=False)
        return frame if kept.all() else frame.filter(kept)  # a wide table is not copied for nothing

    if not files:
        return _frame(shape.schema.empty_table())
    if len(files) == 1:
        return read_one(files[0])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return pl.concat(list(pool.map(read_one, files)), how="vertical")


def read_columns(
    file: LakeFile, name: str, s3: S3Location, columns: Sequence[str] | None = None, encoded: Sequence[str] = ()
) -> pa.Table:
    """The rows of one file as Arrow, in the file's order, in one thread.

    Args:
        file: as ``plan_files`` named it.
        name: the table's, ``namespace.table``.
        s3: where S3 is, if the table is there.
        columns: those that are read; all of the file, if left out.
        encoded: text columns to be left as dictionaries.

    Raises:
        ObjectMissingError: it is gone.
    """
    options = {"read_dictionary": list(encoded)}
    names = None if columns is None else list(columns)
    if file.body:
        return pq.ParquetFile(pa.BufferReader(file.body), **options).read(names, use_threads=False)
    storage, path = open_storage(file.path, s3)
    try:
        with storage.open_input_file(path) as source:
            return pq.ParquetFile(source, **options).read(names, use_threads=False)
    except FileNotFoundError as error:
        raise lost(name, file.path) from error


def _columns(rows: pa.Table, shape: Shape) -> pl.DataFrame:
    # A column that was added to the table after the file was written is empty there.
    arrays = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in shape.schema
    ]
    return _frame(pa.Table.from_arrays(arrays, schema=shape.schema))


def _frame(rows: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"expected a table, found {type(frame).__name__}")
    return frame
