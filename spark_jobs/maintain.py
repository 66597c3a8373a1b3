"""Tend every table of the lake and the artifact store: remove what nothing names and nothing can need any more.

Inputs: now (ISO instant; ages count from it, from the store's clock or from the newest commit, whichever is earliest),
dry_run. Everything that releases, and candidates and runs of the last weeks, name is read first; if one of them cannot
be read, nothing is touched. Run again, it finds nothing to do.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError
from afterbell.lake.maintenance import Round, all_tables, newest_commit, tend
from afterbell.lake.maintenance_named import old_signals, read_named, unfinished, unfinished_fits, unneeded
from afterbell.lake.maintenance_plan import load_keep
from afterbell.lake.spark import lake_session
from afterbell.run.contracts.releases import MaintainInputs, MaintainResult, TendedTable
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import MAINTAIN
from afterbell.stores.artifacts import ArtifactStore

_SKEW = timedelta(minutes=5)
_COUNTS = ("compacted", "files", "manifests", "snapshots", "deleted", "orphans")


def maintain(args: StepArgs[MaintainInputs]) -> MaintainResult:
    """One round over everything; the result is its report."""
    started = _clock()
    now, dry_run = args.inputs.now, args.inputs.dry_run
    if now > started + _SKEW:
        raise ConfigError(f"input now is {now}, which is in the future: recent files would count as old")
    runtime, keep = Runtime.from_env(), load_keep()
    store = ArtifactStore(runtime.s3)
    spark = lake_session(runtime, "afterbell maintain")
    every = all_tables(spark)
    now, warning = reference(now, store.clock(), newest_commit(spark, every))
    if warning:
        print(f"maintain: warning: {warning}", file=sys.stderr, flush=True)
    named = read_named(store, keep.runs_before(now), keep.experiments_before(now))
    this = Round(now, keep, named, dry_run)
    tables = {table.name: TendedTable.model_validate(tend(spark, table, this)) for table in every}
    folders = unneeded(store, named, keep.runs_before(now), keep.experiments_before(now))
    folders |= unfinished(store, named, keep.branches_before(now))
    folders |= unfinished_fits(store, keep.orphans_before(now))
    folders |= old_signals(store, keep.signals_before(now))
    if not dry_run:
        for keys in folders.values():
            for key in keys:
                store.delete(key)
    sums = {name: sum(getattr(table, name) for table in tables.values()) for name in _COUNTS}
    result = MaintainResult(
        dry_run=dry_run,
        tables=tables,
        folders=tuple(sorted(folders)),
        documents=named.documents,
        releases=len(named.releases),
        **sums,
    )
    print(report(result), flush=True)
    if not dry_run:
        record_run(
            spark,
            args,
            started,
            rows=0,
            snapshots_in={},
            snapshots_out={},
            commit_id="",
            verdict="done",
            detail=sums | {"folders": list(result.folders)},
        )
    return result


def _clock() -> datetime:
    return datetime.now(UTC)


def reference(now: datetime, store: datetime, newest: datetime | None) -> tuple[datetime, str]:
    """The instant that ages count from, and a warning where the clock of this machine cannot be trusted.

    A clock that runs ahead would take tonight's branch, and the files of a job that runs, for old. So nothing is older
    than it is to the store, or at the newest commit: while nobody writes to the lake, nothing in it ages.

    Args:
        now: by the clock of the machine that started the run.
        store: by the clock of the artifact store.
        newest: when any table was last written; None while there are no commits.
    """
    warning = ""
    if now > store + _SKEW:
        warning = (
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, the store's {store:%Y-%m-%d %H:%M}: ages count from the latter"
        )
    return min(instant for instant in (now, store, newest) if instant is not None), warning


def report(result: MaintainResult) -> str:
    """The report for people: a line for each table in which there was something to do."""
    would = "would be " if result.dry_run else ""
    lines = [f"maintain: {result.documents} documents of {result.releases} releases, candidates and runs read"]
    for name, table in result.tables.items():
        parts = [f"{number} {what} {would}{done}" for count, what, done in _WORDS if (number := getattr(table, count))]
        parts += [f"branch {branch} {would}dropped" for branch in table.branches]
        parts += [f"files left as they are while {branch} is audited" for branch in table.postponed]
        if parts:
            lines.append(f"maintain: {name}: " + ", ".join(parts))
    lines += [f"maintain: {folder}/ {would}removed" for folder in result.folders]
    return "\n".join(lines)


_WORDS = (
    ("compacted", "small files", "rewritten"),
    ("manifests", "manifests", "rewritten"),
    ("snapshots", "snapshots", "expired"),
    ("deleted", "files of theirs", "deleted"),
    ("orphans", "orphans", "removed"),
)


if __name__ == "__main__":
    sys.exit(run_step(MAINTAIN, maintain))
