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
    frame: DataFrame, table: Table, wanted: str, branch: str | None = None, *, clustered: bool = False
) -> tuple[int, bool]:
    """Append ``frame`` under the commit id ``wanted``; the same id again changes nothing.

    Columns are matched by name. Rows for ``main`` are written to a branch of this writer's own first, and moved from
    there in one commit that looks once more: of several drivers that write the same at the same time one does. What a
    writer that died leaves behind is dropped by ``maintenance``.

    Args:
        frame: the rows.
        table: where to.
        wanted: the commit's id.
        branch: the branch to append to, which nobody else writes to; ``main``, if left out.
        clustered: each task's rows are of few partitions, so Iceberg need not sort them first.

    Returns:
        The snapshot id that carries the rows, and whether this call wrote it.
    """
    spark = frame.sparkSession
    found = find_commit(spark, table, wanted, branch or MAIN)
    if found is not None:
        return found, False
    if branch is not None:
        _write(frame, table, wanted, branch, clustered=clustered)
        return _required(spark, table, wanted, branch), True
    own = f"{AUDIT}append_{uuid.uuid4().hex}"
    persistently(f"table {table.name}, branch {own}", lambda: _open(spark, table, own))
    _write(frame, table, wanted, own, clustered=clustered)
    landed = persistently(f"table {table.name}, commit {wanted}", lambda: _land(spark, table, wanted, own))
    return _required(spark, table, wanted, MAIN), landed


def _required(spark: SparkSession, table: Table, wanted: str, branch: str) -> int:
    made = find_commit(spark, table, wanted, branch)
    if made is None:
        raise StaleInputError(f"table {table.name}: commit {wanted} cannot be found after it was made")
    return made


def _open(spark: SparkSession, table: Table, own: str) -> None:
    found = live(spark, table)
    found.manageSnapshots().createBranch(own, ref_of(found, MAIN)).commit()


def _write(frame: DataFrame, table: Table, wanted: str, branch: str, *, clustered: bool) -> None:
    writer = frame.writeTo(f"{table.full_name}.branch_{branch}").option(f"snapshot-property.{COMMIT_ID}", wanted)
    if clustered:
        writer = writer.option("fanout-enabled", "true")
    writer.append()


def _land(spark: SparkSession, table: Table, wanted: str, own: str) -> bool:
    """Bring what ``own`` holds to ``main`` and drop it, in one commit; whether ``main`` did not have it yet.

    Each way ends with a change of the branch: Iceberg refuses that one on metadata that another writer has replaced,
    where it would try a mere append again on top of whatever came. Then all of this is looked at anew.
    """
    found = live(spark, table)
    there = find_commit(spark, table, wanted)
    if there is not None:
        found.manageSnapshots().removeBranch(own).commit()
        return False
    written = found.snapshot(ref_of(found, own))
    if written.parentId() == ref_of(found, MAIN):
        found.manageSnapshots().fastForwardBranch(MAIN, own).removeBranch(own).commit()
        return True
    change = found.newTransaction()
    append = change.newAppend().set(COMMIT_ID, wanted)
    for file in _files(written, found):
        append.appendFile(file)
    append.commit()
    change.manageSnapshots().removeBranch(own).commit()
    change.commitTransaction()
    return True


def _files(snapshot: Any, table: Any) -> list[Any]:
    """The data files that a snapshot of a live table added."""
    each, found = snapshot.addedDataFiles(table.io()).iterator(), []
    while each.hasNext():
        found.append(each.next())
    return found
