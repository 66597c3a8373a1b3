"""Writing to the lake: tables that exist, commits that carry an id, branches that are audited before `main` moves."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from afterbell.errors import StaleInputError
from afterbell.lake.snapshots import COMMIT_ID, ancestry, branch_head, summary
from afterbell.lake.tables import CATALOG, Table

_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "none",
    "commit.retry.num-retries": "10",
}


def commit_id(step: str, **parts: object) -> str:
    """The id of a commit: what went in decides it (step, session, inputs, code, configuration), nothing else does."""
    text = json.dumps({"step": step, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def ensure_table(spark: SparkSession, table: Table) -> None:
    """Create ``table`` with a first, empty commit, if it isn't there.

    Without a first commit a branch can't be fast-forwarded into ``main`` (apache/iceberg#8849).
    """
    # A table without a commit is what a crash between the two leaves: it gets its commit now.
    if spark.catalog.tableExists(table.full_name) and has_branch(spark, table, "main"):
        return
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {CATALOG}.{table.namespace}")
    partitioning = f"PARTITIONED BY ({table.partitioned_by})" if table.partitioned_by else ""
    properties = ", ".join(f"'{key}'='{value}'" for key, value in _PROPERTIES.items())
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {table.full_name} ({table.columns}) USING iceberg {partitioning} "
        f"TBLPROPERTIES ({properties})"
    )
    spark.createDataFrame([], spark.table(table.full_name).schema).writeTo(table.full_name).append()


def head(spark: SparkSession, table: Table, branch: str = "main") -> int:
    """The snapshot id of a branch of ``table``."""
    found = branch_head(spark, table, branch)
    if found is None:
        raise StaleInputError(f"table {table.name} has no branch {branch!r}: rerun the step that writes it")
    return found


def find_commit(spark: SparkSession, table: Table, wanted: str, branch: str = "main") -> int | None:
    """The snapshot that the commit ``wanted`` made in ``table``, if ``branch`` contains it.

    A snapshot that only an abandoned branch reached doesn't count: its rows are not there.
    """
    commits = ancestry(spark, table, head(spark, table, branch))
    return next((snapshot for snapshot, commit in commits if commit == wanted), None)


def append_once(
    frame: DataFrame, table: Table, wanted: str, branch: str | None = None, *, clustered: bool = False
) -> tuple[int, bool]:
    """Append ``frame`` under the commit id ``wanted``; the same id again changes nothing.

    Columns are matched by name.

    Args:
        frame: the rows.
        table: where to.
        wanted: the commit's id.
        branch: the branch to append to; ``main``, if left out.
        clustered: each task's rows are of few partitions, so Iceberg need not sort them first.

    Returns:
        The snapshot id that carries the rows, and whether this call wrote it.
    """
    spark = frame.sparkSession
    on = branch or "main"
    found = find_commit(spark, table, wanted, on)
    if found is not None:
        return found, False
    writer = frame.writeTo(_target(table, branch)).option(f"snapshot-property.{COMMIT_ID}", wanted)
    if clustered:
        writer = writer.option("fanout-enabled", "true")
    writer.append()
    made = find_commit(spark, table, wanted, on)
    if made is None:
        raise StaleInputError(f"table {table.name}: commit {wanted} cannot be found after it was made")
    return made, True


def has_branch(spark: SparkSession, table: Table, branch: str) -> bool:
    """Whether ``table`` has that branch."""
    return branch_head(spark, table, branch) is not None


def _target(table: Table, branch: str | None) -> str:
    return f"{table.full_name}.branch_{branch}" if branch else table.full_name


def open_branch(spark: SparkSession, table: Table, branch: str) -> None:
    """Start ``branch`` at the head of ``main``, dropping what an earlier, failed try left on it."""
    spark.sql(f"ALTER TABLE {table.full_name} CREATE OR REPLACE BRANCH `{branch}`")


def publish_branch(spark: SparkSession, table: Table, branch: str) -> int:
    """Move ``main`` to the head of ``branch`` and drop the branch; returns the snapshot id.

    Raises:
        StaleInputError: ``main`` moved since the branch was opened.
    """
    audited = head(spark, table, branch)
    try:
        spark.sql(f"CALL {CATALOG}.system.fast_forward('{table.name}', 'main', '{branch}')")
    except Exception as error:
        # The call raises a plain IllegalArgumentException through py4j for a branch that is not ahead.
        if "not an ancestor" not in str(error):
            raise
        raise StaleInputError(
            f"table {table.name}: main moved while branch {branch!r} was audited; rerun ingest on the new base"
        ) from error
    spark.sql(f"ALTER TABLE {table.full_name} DROP BRANCH IF EXISTS `{branch}`")
    return audited


def at_snapshot(spark: SparkSession, table: Table, snapshot_id: int) -> DataFrame:
    """``table`` as of one snapshot, never "latest"."""
    return spark.read.option("snapshot-id", snapshot_id).table(table.full_name)


def on_branch(spark: SparkSession, table: Table, branch: str) -> DataFrame:
    """``table`` as a branch shows it."""
    return spark.read.option("branch", branch).table(table.full_name)


def added_rows(spark: SparkSession, table: Table, branch: str) -> DataFrame | None:
    """The rows that ``branch`` has and ``main`` doesn't; None where it adds no snapshot.

    Raises:
        StaleInputError: ``main`` moved since the branch was opened.
    """
    main, there = head(spark, table), head(spark, table, branch)
    if main == there:
        return None
    if all(snapshot != main for snapshot, _ in ancestry(spark, table, there)):
        raise StaleInputError(f"table {table.name}: main moved since branch {branch!r} was opened; rerun ingest")
    return spark.read.option("start-snapshot-id", main).option("end-snapshot-id", there).table(table.full_name)


def snapshot_summary(spark: SparkSession, table: Table, snapshot_id: int) -> dict[str, Any]:
    """The summary that the commit of ``snapshot_id`` left."""
    return dict(summary(spark, table, snapshot_id))
