"""Rows that are appended once, however many writers try to at the same time."""

from __future__ import annotations

import uuid
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from afterbell.errors import StaleInputError
from afterbell.lake.commit import find_commit
from afterbell.lake.maintenance_plan import AUDIT
from afterbell.lake.snapshots import COMMIT_ID, MAIN, live, persistently, ref_of
from afterbell.lake.tables import Table


def append_once(
    frame: DataFrame, table: Table, commit_id: str, branch: str | None = None, *, clustered: bool = False
) -> tuple[int, bool]:
    """Append ``frame`` under the commit id ``commit_id``; the same id again changes nothing.

    Columns are matched by name. Rows for ``main`` are written to a branch of this writer's own first, and moved from
    there in one commit that checks once more: of several drivers that write the same at the same time only one
    succeeds. What a writer that died leaves behind is dropped by ``maintenance``.

    Args:
        frame: the rows.
        table: where to.
        commit_id: the commit's id.
        branch: the branch to append to, which nobody else writes to; ``main``, if left out.
        clustered: each task's rows are of few partitions, so Iceberg need not sort them first.

    Returns:
        The snapshot id that carries the rows, and whether this call wrote it.
    """
    spark = frame.sparkSession
    snapshot_id = find_commit(spark, table, commit_id, branch or MAIN)
    if snapshot_id is not None:
        return snapshot_id, False
    if branch is not None:
        _write(frame, table, commit_id, branch, clustered=clustered)
        return _require_commit(spark, table, commit_id, branch), True
    own = f"{AUDIT}append_{uuid.uuid4().hex}"
    persistently(f"table {table.name}, branch {own}", lambda: _open_branch(spark, table, own))
    _write(frame, table, commit_id, own, clustered=clustered)
    landed = persistently(f"table {table.name}, commit {commit_id}", lambda: _land(spark, table, commit_id, own))
    return _require_commit(spark, table, commit_id, MAIN), landed


def _require_commit(spark: SparkSession, table: Table, commit_id: str, branch: str) -> int:
    snapshot_id = find_commit(spark, table, commit_id, branch)
    if snapshot_id is None:
        raise StaleInputError(f"table {table.name}: commit {commit_id} was made, but cannot be found")
    return snapshot_id


def _open_branch(spark: SparkSession, table: Table, own: str) -> None:
    live_table = live(spark, table)
    live_table.manageSnapshots().createBranch(own, ref_of(live_table, MAIN)).commit()


def _write(frame: DataFrame, table: Table, commit_id: str, branch: str, *, clustered: bool) -> None:
    writer = frame.writeTo(f"{table.full_name}.branch_{branch}").option(f"snapshot-property.{COMMIT_ID}", commit_id)
    if clustered:
        writer = writer.option("fanout-enabled", "true")
    writer.append()


def _land(spark: SparkSession, table: Table, commit_id: str, own: str) -> bool:
    """Bring what ``own`` holds to ``main`` and drop it, in one commit; whether ``main`` did not have it yet.

    Each path ends with a change of the branch: Iceberg refuses that change on metadata that another writer has
    replaced, where it would repeat a mere append on top of the new metadata. Then all of this is checked again.
    """
    live_table = live(spark, table)
    if find_commit(spark, table, commit_id) is not None:
        live_table.manageSnapshots().removeBranch(own).commit()
        return False
    written = live_table.snapshot(ref_of(live_table, own))
    if written.parentId() == ref_of(live_table, MAIN):
        live_table.manageSnapshots().fastForwardBranch(MAIN, own).removeBranch(own).commit()
        return True
    change = live_table.newTransaction()
    append = change.newAppend().set(COMMIT_ID, commit_id)
    for file in _added_files(written, live_table):
        append.appendFile(file)
    append.commit()
    change.manageSnapshots().removeBranch(own).commit()
    change.commitTransaction()
    return True


def _added_files(snapshot: Any, table: Any) -> list[Any]:
    """The data files that a snapshot of a live table added."""
    iterator, files = snapshot.addedDataFiles(table.io()).iterator(), []
    while iterator.hasNext():
        files.append(iterator.next())
    return files
