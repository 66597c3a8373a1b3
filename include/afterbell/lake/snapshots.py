"""Snapshots and branches of a table, asked of Iceberg itself: milliseconds, where a metadata query is a Spark job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

from afterbell.lake.tables import Table

COMMIT_ID = "afterbell.commit-id"


def _live(spark: SparkSession, table: Table) -> Any:
    """Iceberg's own object of ``table``, at its newest metadata, whoever wrote it."""
    # Spark has no public door to it; Spark3Util is the one that Iceberg keeps for Spark's users.
    loader = spark._jvm.org.apache.iceberg.spark.Spark3Util  # noqa: SLF001
    found = loader.loadIcebergTable(spark._jsparkSession, table.full_name)  # noqa: SLF001
    found.refresh()
    return found


def branch_head(spark: SparkSession, table: Table, branch: str) -> int | None:
    """The snapshot id of a branch; None where there is no such branch."""
    ref = _live(spark, table).refs().get(branch)
    return None if ref is None else int(ref.snapshotId())


def ancestry(spark: SparkSession, table: Table, snapshot_id: int) -> Iterator[tuple[int, str | None]]:
    """A snapshot and those before it, newest first, each with its commit id; one that expired ends the walk."""
    live = _live(spark, table)
    at: int | None = snapshot_id
    while at is not None:
        snapshot = live.snapshot(at)
        if snapshot is None:
            return
        yield at, snapshot.summary().get(COMMIT_ID)
        at = snapshot.parentId()


def summary(spark: SparkSession, table: Table, snapshot_id: int) -> dict[str, str]:
    """The summary that a commit left; empty where there is no such snapshot."""
    snapshot = _live(spark, table).snapshot(snapshot_id)
    return {} if snapshot is None else dict(snapshot.summary())
