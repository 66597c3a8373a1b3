"""Writing to the lake: tables that exist, commits that carry an id, branches that are audited before `main` moves."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from afterbell.errors import BaseMovedError, StaleInputError
from afterbell.lake.create import ensure
from afterbell.lake.snapshots import (
    MAIN,
    ancestry,
    branch_head,
    lineage,
    live,
    persistently,
    ref_of,
    summary,
)
from afterbell.lake.tables import Table


def commit_id(step: str, **parts: object) -> str:
    """The id of a commit: what went in decides it (step, session, inputs, code, configuration), nothing else does."""
    text = json.dumps({"step": step, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def ensure_table(spark: SparkSession, table: Table) -> None:
    """Create ``table`` with a first, empty commit, if it isn't there; add columns and properties declared since."""
    ensure(spark, table)


def head(spark: SparkSession, table: Table, branch: str = "main") -> int:
    """The snapshot id of a branch of ``table``."""
    snapshot_id = branch_head(spark, table, branch)
    if snapshot_id is None:
        raise StaleInputError(f"table {table.name} has no branch {branch!r}: run the session again")
    return snapshot_id


def find_commit(spark: SparkSession, table: Table, commit: str, branch: str = "main") -> int | None:
    """The snapshot that the commit ``commit`` made in ``table``, if ``branch`` contains it.

    A snapshot that only an abandoned branch reached doesn't count: its rows are not there.
    """
    history = ancestry(spark, table, head(spark, table, branch))
    return next((snapshot for snapshot, identifier in history if identifier == commit), None)


def has_branch(spark: SparkSession, table: Table, branch: str) -> bool:
    """Whether ``table`` has that branch."""
    return branch_head(spark, table, branch) is not None


def publish_branch(spark: SparkSession, table: Table, branch: str) -> int | None:
    """Move ``main`` to the head of ``branch`` and drop the branch, in one commit.

    Nothing moves where the branch adds nothing, or where ``main`` has its commit already; the branch is always dropped.

    Returns:
        The head of ``main`` afterwards; None where ``table`` has no such branch.

    Raises:
        BaseMovedError: ``main`` moved since the branch was opened.
    """

    def act() -> int | None:
        live_table = live(spark, table)
        audited, main = ref_of(live_table, branch), ref_of(live_table, MAIN)
        if audited is None or main is None:
            return main
        manage = live_table.manageSnapshots()
        if _adds_something(live_table, table, main, branch):
            manage = manage.fastForwardBranch(MAIN, branch)
            main = audited
        # A commit on metadata that another writer has replaced fails: then everything above is checked again.
        manage.removeBranch(branch).commit()
        return main

    return persistently(f"table {table.name}, branch {branch}", act)


def _adds_something(live_table: Any, table: Table, main: int, branch: str) -> bool:
    """Whether ``branch`` is ahead of ``main``; not if ``main`` has its head, or another commit of the same id.

    Raises:
        BaseMovedError: the two have parted.
    """
    audited = ref_of(live_table, branch)
    if audited is None or audited == main:
        return False
    own: dict[int, str | None] = {}
    for snapshot, commit in lineage(live_table, audited):
        if snapshot == main:
            return True
        own[snapshot] = commit
    audited_commit = own[audited]
    for snapshot, commit in lineage(live_table, main):
        if snapshot == audited or (audited_commit and commit == audited_commit):
            return False
        if snapshot in own:  # where the two parted
            break
    raise BaseMovedError(
        f"table {table.name}: main moved since branch {branch!r} was opened: another writer published in between; "
        "ingest again on the new base"
    )


def at_snapshot(spark: SparkSession, table: Table, snapshot_id: int) -> DataFrame:
    """``table`` as of one snapshot, never "latest"."""
    return spark.read.option("snapshot-id", snapshot_id).table(table.full_name)


def added_rows(spark: SparkSession, table: Table, branch: str) -> DataFrame | None:
    """The rows that ``branch`` has and ``main`` doesn't; None where it adds no snapshot, or isn't there.

    Raises:
        BaseMovedError: ``main`` moved since the branch was opened.
    """
    live_table = live(spark, table)
    main, tip = ref_of(live_table, MAIN), ref_of(live_table, branch)
    if main is None or tip is None or not _adds_something(live_table, table, main, branch):
        return None
    return spark.read.option("start-snapshot-id", main).option("end-snapshot-id", tip).table(table.full_name)


def snapshot_summary(spark: SparkSession, table: Table, snapshot_id: int) -> dict[str, str]:
    """The summary of the commit that made ``snapshot_id``."""
    return summary(spark, table, snapshot_id)
