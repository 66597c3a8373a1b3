"""Data files that the Python side writes itself, taken into a table by one commit of Iceberg's own.

Row by row through the JVM is what a write through Spark costs. Here a task writes Parquet with PyArrow, straight to the
store, and hands the driver no more than the files' names; the driver reads their footers and commits them. A file
that no commit names is invisible: a writer that dies in between leaves only an orphan.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.errors import BaseMovedError
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
    partitions = parts["_partition"].unique()
    if len(partitions) == 1:  # as a task of an ingest has them: nothing to divide
        return [_write(frame, shape, str(partitions[0]), s3)]
    groups = frame.with_columns(_partition=shape.partition()).partition_by(
        "_partition", as_dict=True, include_key=False, maintain_order=True
    )
    return [_write(rows, shape, str(value), s3) for (value,), rows in sorted(groups.items())]


def _write(rows: pl.DataFrame, shape: Shape, partition: str, s3: S3Location) -> NewFile:
    with FileWriter(shape, partition, s3) as writer:
        writer.write(rows.select(shape.schema.names).to_arrow().cast(shape.schema))
    return writer.made


class FileWriter:
    """One data file, written table by table; ``made`` names it once the ``with`` block has ended without an error."""

    made: NewFile

    def __init__(self, shape: Shape, partition: str, s3: S3Location) -> None:
        """``partition`` as Iceberg writes it in a path; empty where the table has none."""
        folder = f"{shape.data}/{partition}" if partition else shape.data
        self._path, self._partition = f"{folder}/{uuid.uuid4().hex}.parquet", partition
        self._buffer: io.BytesIO | None = None
        self._rows = 0
        self._s3 = s3
        self._out = self._open(s3)
        try:
            self._writer = pq.ParquetWriter(
                self._out,
                shape.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[field.name for field in shape.schema if field.type in _REPEATING],
            )
        except BaseException:  # it writes the first bytes
            self._remove()
            raise

    def _open(self, s3: S3Location) -> Any:
        if not reachable(self._path):
            self._buffer = io.BytesIO()
            return self._buffer
        storage, path = open_storage(self._path, s3)
        if self._path.startswith("file:"):
            storage.create_dir(path.rpartition("/")[0], recursive=True)
        return storage.open_output_stream(path)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows; the columns are those of the table, in its order and types."""
        self._writer.write_table(table, row_group_size=_ROW_GROUP)
        self._rows += table.num_rows

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the file; an incomplete one is removed, if its store allows it: a full disk needs the room."""
        try:
            self._writer.close()
            size = self._out.tell()
            body = b"" if self._buffer is None else self._buffer.getvalue()
            self._out.close()
        except BaseException:
            self._remove()
            raise
        if kind is not None:
            self._remove()
        else:
            self.made = NewFile(self._path, self._partition, self._rows, size, body)

    def _remove(self) -> None:
        if self._buffer is None:
            storage, path = open_storage(self._path, self._s3)
            with suppress(OSError):  # an orphan that no commit names; maintenance collects it
                self._out.close()
            with suppress(OSError):
                storage.delete_file(path)


def commit_files(
    spark: SparkSession,
    table: Table,
    files: Sequence[NewFile],
    commit_id: str,
    branch: str | None = None,
    base: int | None = None,
) -> int:
    """Take ``files`` into ``table`` by one commit.

    Args:
        spark: a session on the lake.
        table: where to.
        files: as ``write_files`` made them.
        commit_id: the commit's id.
        branch: a branch to commit to, which is made if it isn't there; ``main``, if left out.
        base: the snapshot at which a new branch starts; the head of ``main``, if left out.

    Returns:
        The snapshot's id.
    """
    live_table = live(spark, table)
    entries = side_by_side(spark, lambda file: data_file(spark, live_table, file), files)

    def act() -> int:
        current = live(spark, table)
        change = current.newTransaction()
        if branch is not None and ref_of(current, branch) is None:
            start = ref_of(current, MAIN) if base is None else base
            change.manageSnapshots().createBranch(branch, start).commit()
        append = change.newAppend().set(COMMIT_ID, commit_id)
        for entry in entries:
            append.appendFile(entry)
        if branch is not None:
            append.toBranch(branch)
        append.commit()
        change.commitTransaction()
        return int(current.refs().get(branch or MAIN).snapshotId())

    return persistently(f"table {table.name}, commit {commit_id}", act)


def commit_sessions(
    spark: SparkSession,
    table: Table,
    files: Sequence[NewFile],
    commit_id: str,
    *,
    sessions: Sequence[date],
    since: int,
    say: Mapping[str, str],
) -> int:
    """Take ``files`` into ``main`` by one commit, if nobody has written any of their sessions meanwhile.

    Args:
        spark: a session on the lake.
        table: where to; it has a column ``session``.
        files: as a ``FileWriter`` made them.
        commit_id: the commit's id.
        sessions: those of the rows.
        since: the snapshot on which the work was planned.
        say: further entries of the commit's summary.

    Returns:
        The snapshot's id.

    Raises:
        BaseMovedError: somebody has; nothing was committed.
    """
    is_ = spark._jvm.org.apache.iceberg.expressions.Expressions  # noqa: SLF001 - Spark has no public door to Iceberg
    first, last = min(sessions).isoformat(), max(sessions).isoformat()
    span = getattr(is_, "and")(is_.greaterThanOrEqual("session", first), is_.lessThanOrEqual("session", last))
    live_table = live(spark, table)
    entries = side_by_side(spark, lambda file: data_file(spark, live_table, file), files)

    def act() -> int:
        current = live(spark, table)
        change = current.newOverwrite().set(COMMIT_ID, commit_id)
        for key, value in say.items():
            change.set(key, value)
        for entry in entries:
            change.addFile(entry)
        change.validateFromSnapshot(since).conflictDetectionFilter(span).validateNoConflictingData().commit()
        return int(current.currentSnapshot().snapshotId())

    try:
        return persistently(f"table {table.name}, commit {commit_id}", act)
    except Py4JJavaError as error:
        if "ValidationException" not in str(error):
            raise
        raise BaseMovedError(
            f"table {table.name}: another run has written sessions between {first} and {last} since this one was "
            "planned; plan again with the current sessions"
        ) from error


def data_file(spark: SparkSession, live_table: Any, file: NewFile) -> Any:
    """Iceberg's own ``DataFile`` of a file for a live table, its least and greatest values read from its footer."""
    java = spark._jvm.org.apache.iceberg  # noqa: SLF001 - Spark has no public door to Iceberg
    if file.body:
        out = live_table.io().newOutputFile(file.path).createOrOverwrite()
        out.write(file.body)
        out.close()
    place = live_table.io().newInputFile(file.path)
    metrics = java.parquet.ParquetUtil.fileMetrics(place, java.MetricsConfig.forTable(live_table))
    entry = java.DataFiles.builder(live_table.spec()).withPath(file.path).withFormat("parquet")
    if file.partition:
        entry = entry.withPartitionPath(file.partition)
    return entry.withFileSizeInBytes(file.size).withMetrics(metrics).build()


def discard_files(files: Sequence[NewFile], s3: S3Location) -> None:
    """Remove files that will never be committed; one that no longer exists is ignored."""
    for file in files:
        if not file.body:
            storage, path = open_storage(file.path, s3)
            try:
                storage.delete_file(path)
            except OSError:
                continue  # invisible in any case; maintenance removes it
