"""Decides which snapshots and files of a table are kept and which may be removed.

Pure: it sees a table's metadata as Iceberg's specification writes it (JSON), and touches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NotRequired, TypedDict

from pydantic import Field, model_validator

from afterbell.config.loader import Strict, config_folder, load_yaml
from afterbell.lake.snapshots import COMMIT_ID, EXPIRED_COMMITS, MAIN

AUDIT = "audit_"

Snapshot = TypedDict(
    "Snapshot",
    {
        "snapshot-id": int,
        "parent-snapshot-id": NotRequired[int],
        "timestamp-ms": int,
        "summary": NotRequired[Mapping[str, str]],
    },
)
"""A snapshot; its parent is left out of a table's first one."""
Ref = TypedDict("Ref", {"snapshot-id": int})
"""A branch or a tag."""
_Replaced = TypedDict("_Replaced", {"snapshot-id": int, "timestamp-ms": int})
_EarlierFile = TypedDict("_EarlierFile", {"metadata-file": str, "timestamp-ms": int})


class _Column(TypedDict):
    name: str


_Schema = TypedDict("_Schema", {"schema-id": int, "fields": Sequence[_Column]})
_PartitionSpec = TypedDict("_PartitionSpec", {"spec-id": int, "fields": Sequence[_Column]})
Metadata = TypedDict(
    "Metadata",
    {
        "last-updated-ms": int,
        "current-schema-id": int,
        "schemas": Sequence[_Schema],
        "default-spec-id": int,
        "partition-specs": Sequence[_PartitionSpec],
        "properties": NotRequired[Mapping[str, str]],
        "current-snapshot-id": NotRequired[int],
        "snapshots": NotRequired[Sequence[Snapshot]],
        "snapshot-log": NotRequired[Sequence[_Replaced]],
        "metadata-log": NotRequired[Sequence[_EarlierFile]],
        "refs": NotRequired[Mapping[str, Ref]],
    },
)
"""Of a table's metadata what decides on its maintenance; ``snapshot-log`` has the heads that ``main`` had."""


class Compaction(Strict):
    """When small files become one: ``min_files`` of a partition under three quarters of ``target_mb`` each."""

    min_files: int = Field(ge=2)
    target_mb: int = Field(ge=1, le=1024)


class Keep(Strict):
    """Retention times.

    Attributes:
        longest_run_hours: nothing younger is touched, and no audit branch is older and still in use.
        keep_snapshots_days: snapshots that nothing names.
        keep_runs_days: results of runs, and candidates, that no release names; what they name is kept as long.
        keep_experiments_days: experiments, with the snapshots that they name.
        keep_signals_days: files of exported signals; the table keeps the rows for good.
        orphan_days: files that no snapshot names, and results of fits whose run never got a candidate.
        compaction: when files are rewritten.
    """

    longest_run_hours: int = Field(ge=1)
    keep_snapshots_days: int = Field(ge=1)
    keep_runs_days: int = Field(ge=1)
    keep_experiments_days: int = Field(default=90, ge=1)
    keep_signals_days: int = Field(default=365, ge=1)
    orphan_days: int = Field(ge=1)
    compaction: Compaction

    @model_validator(mode="after")
    def _keeps_the_longest_run(self) -> Keep:
        shortest = 24 * min(
            self.keep_snapshots_days, self.keep_runs_days, self.keep_experiments_days, self.keep_signals_days
        )
        if shortest < self.longest_run_hours:
            raise ValueError(
                "keep_snapshots_days, keep_runs_days, keep_experiments_days and keep_signals_days must reach back "
                f"longest_run_hours ({self.longest_run_hours})"
            )
        return self

    def branches_before(self, now: datetime) -> datetime:
        """Audit branches that were there before are abandoned."""
        return now - timedelta(hours=self.longest_run_hours)

    def snapshots_before(self, now: datetime) -> datetime:
        """Snapshots that were replaced before may go."""
        return now - timedelta(days=self.keep_snapshots_days)

    def runs_before(self, now: datetime) -> datetime:
        """Results and candidates that were written before may go."""
        return now - timedelta(days=self.keep_runs_days)

    def experiments_before(self, now: datetime) -> datetime:
        """Experiments nothing of which was written since may go."""
        return now - timedelta(days=self.keep_experiments_days)

    def signals_before(self, now: datetime) -> datetime:
        """Files of signals that were written before may go."""
        return now - timedelta(days=self.keep_signals_days)

    def orphans_before(self, now: datetime) -> datetime:
        """Unnamed files, and results of fits, that were written before may go: a running job's are nobody else's."""
        return now - max(timedelta(days=self.orphan_days), timedelta(hours=self.longest_run_hours))


def load_keep() -> Keep:
    """``include/config/maintenance.yaml``.

    Raises:
        ConfigError: a key of it is missing or wrong.
    """
    return load_yaml(config_folder() / "maintenance.yaml", Keep)


def protected(metadata: Metadata, named: Collection[int], before: datetime) -> set[int]:
    """Snapshot ids that must stay: named by somebody, head of a branch or tag, young, or head of ``main`` recently.

    What counts is when a snapshot stopped being the head, not when it was made: a job that started an hour ago may read
    one that had been the newest for a week.
    """
    limit = _millis(before)
    log = sorted((entry["timestamp-ms"], entry["snapshot-id"]) for entry in metadata.get("snapshot-log", ()))
    replaced = [snapshot for at, snapshot in log if at < limit]
    return {
        *named,
        *(ref["snapshot-id"] for ref in metadata.get("refs", {}).values()),
        *(snapshot["snapshot-id"] for snapshot in metadata.get("snapshots", ()) if snapshot["timestamp-ms"] >= limit),
        *(snapshot for at, snapshot in log if at >= limit),
        *replaced[-1:],
    }


def expirable(metadata: Metadata, named: Collection[int], before: datetime) -> list[int]:
    """Snapshot ids that nobody needs any more, oldest first."""
    kept = protected(metadata, named, before)
    snapshots = sorted(metadata.get("snapshots", ()), key=lambda snapshot: snapshot["timestamp-ms"])
    return [snapshot["snapshot-id"] for snapshot in snapshots if snapshot["snapshot-id"] not in kept]


def commits_to_remember(metadata: Metadata, expiring: Collection[int]) -> dict[str, int]:
    """Commit ids, with their snapshots, that a walk from the head of ``main`` no longer reaches without ``expiring``.

    Without them a step that runs again would not find its commit, and append its rows a second time.
    """
    commits: dict[str, int] = json.loads(metadata.get("properties", {}).get(EXPIRED_COMMITS, "{}"))
    cut = False
    for snapshot in _line_of_main(metadata):
        cut = cut or snapshot["snapshot-id"] in expiring
        commit = snapshot.get("summary", {}).get(COMMIT_ID)
        if cut and commit:
            commits[commit] = snapshot["snapshot-id"]
    return commits


def _line_of_main(metadata: Metadata) -> Iterator[Snapshot]:
    known = {snapshot["snapshot-id"]: snapshot for snapshot in metadata.get("snapshots", ())}
    main = metadata.get("refs", {}).get(MAIN)
    current = known.get(main["snapshot-id"]) if main else None
    while current is not None:
        yield current
        parent = current.get("parent-snapshot-id")
        current = None if parent is None else known.get(parent)


def version_before(metadata: Metadata, before: datetime) -> str | None:
    """The newest metadata file from before ``before``; empty where the present one is, None if none is known."""
    limit = _millis(before)
    if metadata["last-updated-ms"] < limit:
        return ""
    known = [
        (entry["timestamp-ms"], entry["metadata-file"])
        for entry in metadata.get("metadata-log", ())
        if entry["timestamp-ms"] < limit
    ]
    return max(known)[1] if known else None


def abandoned(metadata: Metadata, earlier: Metadata | None, before: datetime) -> list[str]:
    """Audit branches that were there before ``before``, and that nobody wrote to since.

    A branch carries no date of its own, and a new one may start at an old snapshot: that it stood in an ``earlier``
    version of the metadata is the proof. Where none is known every branch stays.
    """
    if earlier is None:
        return []
    made = {snapshot["snapshot-id"]: snapshot["timestamp-ms"] for snapshot in metadata.get("snapshots", ())}
    return sorted(
        name
        for name, ref in metadata.get("refs", {}).items()
        if name.startswith(AUDIT)
        and name in earlier.get("refs", {})
        and made.get(ref["snapshot-id"], 0) < _millis(before)
    )


def audits_at_work(metadata: Metadata, gone: Collection[str]) -> list[str]:
    """Audit branches besides ``gone``: a run holds each of them, and must find ``main`` where it left it."""
    return sorted(name for name in metadata.get("refs", {}) if name.startswith(AUDIT) and name not in gone)


def sort_order(metadata: Metadata) -> str | None:
    """The order in which readers of one session, or of a symbol in it, skip most of a file; None where there's none."""
    schema = next(entry for entry in metadata["schemas"] if entry["schema-id"] == metadata["current-schema-id"])
    spec = next(entry for entry in metadata["partition-specs"] if entry["spec-id"] == metadata["default-spec-id"])
    names = {field["name"] for field in schema["fields"]}
    if not spec["fields"] or not {"session", "symbol"} <= names:
        return None
    return "session ASC NULLS LAST, symbol ASC NULLS LAST"


def _millis(instant: datetime) -> int:
    return int(instant.astimezone(UTC).timestamp() * 1000)
