"""Data files that the Python side writes itself, taken into a table by one commit of Iceberg's own.

Row by row through the JVM is what a write through Spark costs. Here a task writes Parquet with PyArrow, straight to the
store, and hands the driver no more than the files' names; the driver reads their footers and commits them. A file
that no commit names is invisible: whoever dies in between leaves nothing but an orphan.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.lake.shape import Shape
from afterbell.lake.snapshots import COMMIT_ID, MAIN, live, persistently, ref_of, side_by_side
from afterbell.lake.storage import open_storage, reachable
from afterbell.lake.tables import Table

_ROW_GROUP = 65_536
# Prices hardly repeat: a dictionary of them costs time and saves nothing.
_REPEATING = (pa.string(), pa.date32(), pa.int32(), pa.bool_(), pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class NewFile:
    """A data file that was written, and no commit names yet.

    Attributes:
        path: its address.
        partition: as Iceberg writes it in a path; empty where the table has none.
        rows: how many.
        size: bytes.
        body: the file itself, where its store can't be reached from here and the driver has to write it.
    """

    path: str
    partition: str
    rows: int
    size: int
    body: bytes = b""


def write_files(frame: pl.DataFrame, shape: Shape, s3: S3Location) -> list[NewFile]:
    """Write rows as Parquet, a file a partition, each under a name of its own.

    Args:
        frame: has the table's columns, in any order, in types that cast to its types without loss.
        shape: the table's.
        s3: where S3 is, if the table is there.
    """
    if frame.is_empty():
        return []
    if not shape.source:
        return [_write(frame, shape, "", s3)]
    parts = frame.select(shape.source).unique().with_columns(_partition=shape.partition())
    found = parts["_partition"].unique()
    if len(found) == 1:  # as a task of an ingest has them: nothing to divide
        return [_write(frame, shape, str(found[0]), s3)]
    groups = frame.with_columns(_partition=shape.partition()).partition_by(
        "_partition", as_dict=True, include_key=False, maintain_order=True
    )
    return [_write(rows, shape, str(value), s3) for (value,), rows in sorted(groups.items())]


def _write(rows: pl.DataFrame, shape: Shape, partition: str, s3: S3Location) -> NewFile:
    table = rows.select(shape.schema.names).to_arrow().cast(shape.schema)
    folder = f"{shape.data}/{partition}" if partition else shape.data
    path = f"{folder}/{uuid.uuid4().hex}.parquet"
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        compression_level=1,
        row_group_size=_ROW_GROUP,
        use_dictionary=[field.name for field in shape.schema if field.type in _REPEATING],
    )
    body = buffer.getvalue()
    made = NewFile(path, partition, table.num_rows, len(body))
    if not reachable(path):
        return replace(made, body=body)
    storage, there = open_storage(path, s3)
    if path.startswith("file:"):
        storage.create_dir(there.rpartition("/")[0], recursive=True)
    with storage.open_output_stream(there) as out:
        out.write(body)
    return made


def commit_files(
    spark: SparkSession,
    table: Table,
    files: Sequence[NewFile],
    wanted: str,
    branch: str | None = None,
    base: int | None = None,
) -> int:
    """Take ``files`` into ``table`` by one commit.

    Args:
        spark: a session on the lake.
        table: where to.
        files: as ``write_files`` made them.
        wanted: the commit's id.
        branch: a branch to commit to, which is made if it isn't there; ``main``, if left out.
        base: the snapshot at which a new branch starts; the head of ``main``, if left out.

    Returns:
        The snapshot's id.
    """
    there = live(spark, table)
    entries = side_by_side(spark, lambda each: data_file(spark, there, each), files)

    def act() -> int:
        found = live(spark, table)
        change = found.newTransaction()
        if branch is not None and ref_of(found, branch) is None:
            at = ref_of(found, MAIN) if base is None else base
            change.manageSnapshots().createBranch(branch, at).commit()
        append = change.newAppend().set(COMMIT_ID, wanted)
        for entry in entries:
            append.appendFile(entry)
        if branch is not None:
            append.toBranch(branch)
        append.commit()
        change.commitTransaction()
        return int(found.refs().get(branch or MAIN).snapshotId())

    return persistently(f"table {table.name}, commit {wanted}", act)


def data_file(spark: SparkSession, found: Any, made: NewFile) -> Any:
    """Iceberg's own ``DataFile`` of a file for a live table, its least and greatest values read from its footer."""
    java = spark._jvm.org.apache.iceberg  # noqa: SLF001 - Spark has no public door to Iceberg
    if made.body:
        out = found.io().newOutputFile(made.path).createOrOverwrite()
        out.write(made.body)
        out.close()
    place = found.io().newInputFile(made.path)
    metrics = java.parquet.ParquetUtil.fileMetrics(place, java.MetricsConfig.forTable(found))
    entry = java.DataFiles.builder(found.spec()).withPath(made.path).withFormat("parquet")
    if made.partition:
        entry = entry.withPartitionPath(made.partition)
    return entry.withFileSizeInBytes(made.size).withMetrics(metrics).build()


def discard_files(files: Sequence[NewFile], s3: S3Location) -> None:
    """Remove files that will never be committed; one that is not there any more doesn't matter."""
    for each in files:
        if not each.body:
            storage, there = open_storage(each.path, s3)
            try:
                storage.delete_file(there)
            except OSError:
                continue  # invisible all the same; maintenance collects it
