"""Snapshots and branches of a table, read by Iceberg itself: milliseconds, where a metadata query is a Spark job."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from afterbell.errors import StoreUnavailableError
from afterbell.lake.tables import Table

COMMIT_ID = "afterbell.commit-id"
EXPIRED_COMMITS = "afterbell.expired-commits"
"""Table property: commit ids of ``main`` whose snapshots maintenance let expire, or cut off from the head, as JSON."""
MAIN = "main"
_TRIES = 12
_LONGEST_PAUSE = 2.0
# How a commit or a look-up fails while another writer is at work: lost races, and a catalog that is busy.
_PASSING = ("CommitFailedException", "PendingUpdateFailedException", "refresh is required", "SQLITE_BUSY", "is locked")
_AT_ONCE = 4
Item = TypeVar("Item")
Result = TypeVar("Result")


def live(spark: SparkSession, table: Table) -> Any:
    """Iceberg's own object of ``table``, at its newest metadata."""
    # Spark has no public door to it; Spark3Util is the one that Iceberg keeps for Spark's users.
    loader = spark._jvm.org.apache.iceberg.spark.Spark3Util  # noqa: SLF001
    live_table = loader.loadIcebergTable(spark._jsparkSession, table.full_name)  # noqa: SLF001
    live_table.refresh()
    return live_table


def side_by_side(spark: SparkSession, action: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """``action`` for each of ``items``, in threads: most of the time is spent waiting for the catalog."""
    # A thread's first call makes a thread of the JVM, which knows of no session.
    activate = partial(spark._jvm.SparkSession.setActiveSession, spark._jsparkSession)  # noqa: SLF001
    with ThreadPoolExecutor(_AT_ONCE, initializer=activate) as pool:
        return list(pool.map(action, items))


def persistently(what: str, action: Callable[[], Result]) -> Result:
    """The result of ``action``, tried again on new metadata where another writer's commit got in between.

    Raises:
        StoreUnavailableError: the other writers left no gap in any of the tries.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return action()
        except Py4JJavaError as error:
            if not any(sign in str(error) for sign in _PASSING):
                raise
            if attempt == _TRIES:
                raise StoreUnavailableError(
                    f"{what}: conflicts with other writers in {_TRIES} attempts; try again later"
                ) from error
            # Full jitter: writers that met must not come back together.
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2**attempt)))  # noqa: S311 - a pause is no secret
    raise AssertionError("the last try returns or raises")


def branch_head(spark: SparkSession, table: Table, branch: str) -> int | None:
    """The snapshot id of a branch; None where there is no such branch."""
    return ref_of(live(spark, table), branch)


def ref_of(live_table: Any, branch: str) -> int | None:
    """The snapshot id of a branch of a live table; None where there is no such branch."""
    ref = live_table.refs().get(branch)
    return None if ref is None else int(ref.snapshotId())


def ancestry(spark: SparkSession, table: Table, snapshot_id: int) -> Iterator[tuple[int, str | None]]:
    """A snapshot and those before it, newest first, each with its commit id.

    One that expired ends the walk. The commits before it are remembered by the table: each comes with its own
    snapshot, or with the oldest that is left, which holds its rows as well. All snapshots come in one call, so that a
    long history costs little; ``lineage`` is for a few steps of it.
    """
    metadata = live(spark, table).operations().current()
    document = json.loads(spark._jvm.org.apache.iceberg.TableMetadataParser.toJson(metadata))  # noqa: SLF001
    known = {entry["snapshot-id"]: entry for entry in document.get("snapshots", ())}
    current: int | None = snapshot_id
    oldest = snapshot_id
    while current in known:
        snapshot = known[current]
        oldest = snapshot["snapshot-id"]
        yield oldest, snapshot["summary"].get(COMMIT_ID)
        current = snapshot.get("parent-snapshot-id")
    for commit, expired in json.loads(document.get("properties", {}).get(EXPIRED_COMMITS, "{}")).items():
        yield (expired if expired in known else oldest), commit


def lineage(live_table: Any, snapshot_id: int) -> Iterator[tuple[int, str | None]]:
    """``ancestry`` of a live table, as it was loaded, a call a snapshot."""
    current: int | None = snapshot_id
    while current is not None:
        snapshot = live_table.snapshot(current)
        if snapshot is None:
            return
        yield current, snapshot.summary().get(COMMIT_ID)
        current = snapshot.parentId()


def summary(spark: SparkSession, table: Table, snapshot_id: int) -> dict[str, str]:
    """The summary of the commit that made a snapshot; empty where there is no such snapshot."""
    snapshot = live(spark, table).snapshot(snapshot_id)
    return {} if snapshot is None else dict(snapshot.summary())
