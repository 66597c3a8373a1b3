"""Keeping the lake's tables in shape: abandoned branches, small files, scattered manifests, old snapshots, orphans.

Iceberg's own procedures do the work; what may go is decided in ``maintenance_plan``. Rows never change: compaction
writes the same rows into fewer files, and a reader of an older snapshot keeps the files that it names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import Row, SparkSession

from afterbell.errors import ConfigError
from afterbell.lake.maintenance_named import Named
from afterbell.lake.maintenance_plan import (
    Keep,
    Metadata,
    abandoned,
    audits_at_work,
    commits_to_remember,
    expirable,
    sort_order,
    version_before,
)
from afterbell.lake.snapshots import EXPIRED_COMMITS, live, persistently
from afterbell.lake.tables import CATALOG, Table

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MANIFEST_BYTES = 8 * 1024 * 1024
_SPARE_MANIFESTS = 8
"""Manifests beyond the fewest possible before they are rewritten; one a commit is added."""
_EPOCH = "TIMESTAMP '1970-01-01 00:00:00'"


@dataclass(frozen=True)
class Round:
    """One round of maintenance.

    Attributes:
        now: its start, with the zone; ages count from it.
        keep: how long things are kept.
        named: what releases, candidates and runs name.
        dry_run: only report what would be done.
    """

    now: datetime
    keep: Keep
    named: Named
    dry_run: bool


def all_tables(spark: SparkSession) -> list[Table]:
    """Every table of the catalog, in the order of their names.

    Raises:
        ConfigError: the name of one is not of the project's form.
    """
    spaces = sorted(row.namespace for row in spark.sql(f"SHOW NAMESPACES IN {CATALOG}").collect())
    names = [
        f"{space}.{row.tableName}"
        for space in spaces
        for row in spark.sql(f"SHOW TABLES IN {CATALOG}.{space}").collect()
    ]
    if strange := [name for name in names if not all(_NAME.fullmatch(part) for part in name.split("."))]:
        raise ConfigError(f"the catalog has a table {strange[0]!r}: expected small letters, digits and _; rename it")
    return [Table(name, "") for name in sorted(names)]


def newest_commit(spark: SparkSession, tables: list[Table]) -> datetime | None:
    """When any of the tables was last written, branches included; None where there is no table."""
    millis = [int(live(spark, table).operations().current().lastUpdatedMillis()) for table in tables]
    return datetime.fromtimestamp(max(millis) / 1000, UTC) if millis else None


def tend(spark: SparkSession, table: Table, this: Round) -> dict[str, int | list[str]]:
    """Maintain one table.

    Returns:
        ``branches`` (names dropped), ``postponed`` (branches that keep ``main`` from being moved), ``compacted`` and
        ``files`` (files rewritten, and those they became), ``manifests`` (rewritten), ``snapshots`` (expired),
        ``deleted`` (files that went with them), ``orphans`` (files that nothing named). In a dry run what would be.
    """
    metadata = _metadata(spark, table)
    gone = abandoned(metadata, _earlier_metadata(spark, table, metadata, this), this.keep.branches_before(this.now))
    if not this.dry_run:
        for branch in gone:
            persistently(f"table {table.name}, branch {branch}", partial(_drop_branch, spark, table, branch))
    busy = audits_at_work(metadata, gone)
    outcome: dict[str, int | list[str]] = {"branches": gone, "postponed": busy}
    # A run that is being audited must find main where it left it, or it has to start again.
    outcome |= {"compacted": 0, "files": 0, "manifests": 0} if busy else _rewrite_files(spark, table, metadata, this)
    return outcome | _expire_snapshots(spark, table, this, gone) | _remove_orphans(spark, table, this)


def _metadata(spark: SparkSession, table: Table) -> Metadata:
    parser = spark._jvm.org.apache.iceberg.TableMetadataParser  # noqa: SLF001
    metadata: Metadata = json.loads(parser.toJson(live(spark, table).operations().current()))
    return metadata


def _earlier_metadata(spark: SparkSession, table: Table, metadata: Metadata, this: Round) -> Metadata | None:
    version = version_before(metadata, this.keep.branches_before(this.now))
    if not version:
        return metadata if version == "" else None
    parser = spark._jvm.org.apache.iceberg.TableMetadataParser  # noqa: SLF001
    earlier: Metadata = json.loads(parser.toJson(parser.read(live(spark, table).io(), version)))
    return earlier


def _drop_branch(spark: SparkSession, table: Table, branch: str) -> None:
    live(spark, table).manageSnapshots().removeBranch(branch).commit()


def _rewrite_files(spark: SparkSession, table: Table, metadata: Metadata, this: Round) -> dict[str, int]:
    small = _small_files(spark, table, metadata, this.keep)
    scattered = _scattered_manifests(spark, table)
    if this.dry_run:
        return {"compacted": small, "files": 0, "manifests": scattered}
    files = 0
    if small:
        order = sort_order(metadata)
        sorting = f"strategy => 'sort', sort_order => '{order}'," if order else "strategy => 'binpack',"
        done = _call_procedure(
            spark, table, "rewrite_data_files",
            f"{sorting} options => map('min-input-files', '{this.keep.compaction.min_files}', "
            f"'target-file-size-bytes', '{this.keep.compaction.target_mb * 1024 * 1024}')",
        )[0]  # fmt: skip
        small, files = int(done.rewritten_data_files_count), int(done.added_data_files_count)
        scattered = _scattered_manifests(spark, table)
    if scattered:
        scattered = int(_call_procedure(spark, table, "rewrite_manifests")[0].rewritten_manifests_count)
    return {"compacted": small, "files": files, "manifests": scattered}


def _small_files(spark: SparkSession, table: Table, metadata: Metadata, keep: Keep) -> int:
    """How many small data files lie in partitions that have enough of them."""
    least = keep.compaction.min_files
    current = {snapshot["snapshot-id"]: snapshot["summary"] for snapshot in metadata.get("snapshots", ())}
    summary: Mapping[str, str] = current.get(metadata.get("current-snapshot-id", -1), {})
    if int(summary.get("total-data-files", least)) < least:
        return 0
    limit = int(keep.compaction.target_mb * 1024 * 1024 * 0.75)
    grouping = "GROUP BY partition" if any(spec["fields"] for spec in metadata["partition-specs"]) else ""
    counts = spark.sql(
        f"SELECT count(*) AS files FROM {table.full_name}.files "  # noqa: S608 - names from the catalog, checked
        f"WHERE content = 0 AND file_size_in_bytes < {limit} {grouping}"
    ).collect()
    return sum(int(row.files) for row in counts if row.files >= least)


def _scattered_manifests(spark: SparkSession, table: Table) -> int:
    """How many data manifests there are, where far fewer would do."""
    live_table = live(spark, table)
    if live_table.currentSnapshot() is None:
        return 0
    sizes = [manifest.length() for manifest in live_table.currentSnapshot().dataManifests(live_table.io())]
    fewest = math.ceil(sum(sizes) / _MANIFEST_BYTES)
    return len(sizes) if len(sizes) > fewest + _SPARE_MANIFESTS else 0


def _expire_snapshots(spark: SparkSession, table: Table, this: Round, gone: list[str]) -> dict[str, int]:
    metadata = _metadata(spark, table)
    refs = {name: ref for name, ref in metadata.get("refs", {}).items() if name not in gone}
    expiring = expirable({**metadata, "refs": refs}, this.named.numbers, this.keep.snapshots_before(this.now))
    if this.dry_run or not expiring:
        return {"snapshots": len(expiring), "deleted": 0}
    commits = json.dumps(commits_to_remember(metadata, set(expiring)), sort_keys=True)
    if commits != metadata.get("properties", {}).get(EXPIRED_COMMITS, "{}"):
        # First, so that at no moment a commit of the past is neither in a snapshot nor remembered.
        persistently(f"table {table.name}", lambda: _remember_commits(spark, table, commits))
    ids = ", ".join(str(snapshot) for snapshot in expiring)
    # Only the ids decide what goes; without a time the procedure would expire all that is older than five days.
    done = _call_procedure(spark, table, "expire_snapshots", f"older_than => {_EPOCH}, snapshot_ids => ARRAY({ids})")[0]
    return {"snapshots": len(expiring), "deleted": sum(int(count or 0) for count in done)}


def _remember_commits(spark: SparkSession, table: Table, commits: str) -> None:
    live(spark, table).updateProperties().set(EXPIRED_COMMITS, commits).commit()


def _remove_orphans(spark: SparkSession, table: Table, this: Round) -> dict[str, int]:
    limit = f"{this.keep.orphans_before(this.now).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    older = f"older_than => TIMESTAMP '{limit}'"  # the session's zone is UTC
    orphans = len(_call_procedure(spark, table, "remove_orphan_files", f"{older}, dry_run => true"))
    if orphans and not this.dry_run:
        orphans = len(_call_procedure(spark, table, "remove_orphan_files", older))
    return {"orphans": orphans}


def _call_procedure(spark: SparkSession, table: Table, procedure: str, rest: str = "") -> list[Row]:
    arguments = f"table => '{table.name}'" + (f", {rest}" if rest else "")
    rows: list[Row] = spark.sql(f"CALL {CATALOG}.system.{procedure}({arguments})").collect()
    return rows
