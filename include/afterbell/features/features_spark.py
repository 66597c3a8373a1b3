"""Factor sets on Spark: find the holes from metadata, have tasks fill them, commit what they wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.progress import progress
from afterbell.cluster.worker import keep_archives, stand_back
from afterbell.config.runtime import S3Location
from afterbell.errors import StaleInputError
from afterbell.features.coverage import COVERAGE, Commit, coverage, covered
from afterbell.features.due import due, first_known
from afterbell.features.factors import FactorSet
from afterbell.features.fill import Sources, fill
from afterbell.features.grid import SessionGrid
from afterbell.features.holes import HolePlan, plan_holes
from afterbell.features.slices import HoleSlice, month_of, slices_of, tasks_of
from afterbell.lake.commit import at_snapshot
from afterbell.lake.files import NewFile, commit_sessions
from afterbell.lake.listings import HOLD_COLUMNS, RENAME_COLUMNS, RENAMED, WRONG_LISTING
from afterbell.lake.scan import LakeFile, first_partition, plan_files, read_columns, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.snapshots import live
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS, Table, factor_table
from afterbell.run.contracts.data import PlannedSet

_MADE = "path string, partition string, rows bigint, size bigint, body binary"
_AT_ONCE = 4


@dataclass(frozen=True)
class FeatureInputs:
    """The inputs of one run of the features step.

    Attributes:
        bars: snapshot of ``market.bars``.
        actions: snapshot of ``market.corporate_actions``.
        exchange: whose sessions are counted.
        s3: where S3 is, if the lake is there.
        filings: snapshot of ``market.fundamentals``, for sets that read it.
    """

    bars: int
    actions: int
    exchange: Exchange
    s3: S3Location
    filings: int | None = None

    def of(self, factors: FactorSet) -> dict[Table, int]:
        """The snapshots that a set is computed from.

        Raises:
            StaleInputError: it reads filings, and their snapshot isn't given.
        """
        snapshots = {BARS: self.bars, CORPORATE_ACTIONS: self.actions}
        if factors.source is None:
            return snapshots
        if self.filings is None:
            raise StaleInputError(f"factor set {factors.name} reads {FUNDAMENTALS.name}: give filings_snapshot")
        return snapshots | {FUNDAMENTALS: self.filings}


@dataclass(frozen=True)
class FeatureWork:
    """A plan with its tasks, and what is stored already.

    Attributes:
        plan: the holes.
        tasks: what each task computes.
        stored: the sessions that are stored already.
        rows_a_session: approximate number of rows of a session.
    """

    plan: HolePlan
    tasks: tuple[tuple[HoleSlice, ...], ...]
    stored: frozenset[date]
    rows_a_session: int

    def summary(self, factors: FactorSet) -> PlannedSet:
        """The plan of one set, for a program or a person who checks it before it runs."""
        holes = self.plan.holes
        return PlannedSet(
            set=factors.name,
            sessions=len(holes),
            first=holes[0],
            last=holes[-1],
            read_sessions=self.plan.read,
            rows=self.rows_a_session * len(holes),
            tasks=len(self.tasks),
            ranges=tuple(self.plan.ranges),
        )


def table_of(factors: FactorSet) -> Table:
    """The table of a set."""
    return factor_table(factors.name, factors.names)


def find_work(
    spark: SparkSession,
    inputs: FeatureInputs,
    factors: FactorSet,
    stored_at: int,
    last: date,
    since: date | None = None,
) -> FeatureWork | None:
    """The sessions up to ``last`` that the set's table lacks and the bars can fill; None if it lacks no such session.

    A session none of whose bars was known at its own cut-off (its drop never came, and the next one brought its bars)
    has no feature rows and is no hole.

    Args:
        spark: a session on the lake.
        inputs: the snapshots to read.
        factors: the set; only rows under its definition hash count as stored.
        stored_at: the snapshot of its table.
        last: the last session to fill.
        since: the first session to fill; None for no limit.
    """
    begin = _first_session(spark, inputs, last)
    if begin is None:
        return None
    stored = _stored_sessions(spark, factors, stored_at)
    begin = begin if since is None else max(begin, since)
    missing = [session for session in inputs.exchange.between(begin, last) if session not in stored]
    fillable = _fillable_sessions(spark, inputs, missing) if missing else {}
    if not fillable:
        return None
    plan = plan_holes(
        _sessions_with_look_back(inputs.exchange, min(fillable), last, factors.depth), fillable, (), factors.depth
    )
    if plan is None:
        return None
    rows = sum(fillable.values()) // len(fillable)
    slices = slices_of(plan, SessionGrid.of(inputs.exchange, list(plan.sessions)), factors.depth)
    tasks = tasks_of(slices, rows, spark.sparkContext.defaultParallelism)
    return FeatureWork(plan, tuple(tasks), frozenset(stored), rows)


def _first_session(spark: SparkSession, inputs: FeatureInputs, last: date) -> date | None:
    month = first_partition(spark, BARS, inputs.bars)
    if month is None:
        return None
    first = date(1970 + month // 12, month % 12 + 1, 1)
    files = plan_files(spark, BARS, inputs.bars, "session", first, first + timedelta(days=31))
    days = [day for file in files for day in _bar_columns(inputs, file, ["session"])["session"].unique().to_pylist()]
    return min(days) if days and min(days) <= last else None


def _stored_sessions(spark: SparkSession, factors: FactorSet, snapshot: int) -> set[date]:
    table = table_of(factors)
    live_table = live(spark, table)

    def commit_of(snapshot_id: int) -> Commit | None:
        entry = live_table.snapshot(snapshot_id)
        return None if entry is None else Commit(entry.parentId(), str(entry.operation()), dict(entry.summary()))

    sessions = covered(commit_of, snapshot, factors.definition_hash)
    if sessions is not None:
        return sessions
    rows = at_snapshot(spark, table, snapshot).where(F.col("definition_hash") == factors.definition_hash)
    return {row["session"] for row in rows.select("session").distinct().collect()}


def session_is_stored(spark: SparkSession, factors: FactorSet, snapshot: int, session: date) -> bool:
    """Whether a snapshot of the set's table has rows of ``session`` under its definition."""
    return session in _stored_sessions(spark, factors, snapshot)


def _fillable_sessions(spark: SparkSession, inputs: FeatureInputs, missing: Sequence[date]) -> dict[date, int]:
    """Sessions of ``missing`` with bars that were known at their cut-off, and how many bars each has."""
    months = sorted({month_of(session) for session in missing})
    files = bar_files(spark, inputs, missing[0], missing[-1])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        by_month = pool.map(lambda month: _first_known_of(inputs, files.get(month, ())), months)
    known = {day: bars for month in by_month for day, bars in month.items()}
    return due({day: known[day] for day in missing if day in known}, inputs.exchange)


def _first_known_of(inputs: FeatureInputs, files: Sequence[LakeFile]) -> dict[date, tuple[int, int]]:
    """When the first bar of each session of some files was known, and how many it has: see ``first_known``."""
    tables = [_bar_columns(inputs, file, ["session", "knowledge_time"]) for file in files]
    return first_known(pa.concat_tables(tables)) if tables else {}


def _bar_columns(inputs: FeatureInputs, file: LakeFile, columns: Sequence[str]) -> pa.Table:
    return read_columns(file, BARS.name, inputs.s3, columns)


def bar_files(spark: SparkSession, inputs: FeatureInputs, first: date, last: date) -> dict[int, tuple[LakeFile, ...]]:
    """The files of bars that may have sessions from ``first`` to ``last``, by month."""
    by_month: dict[int, list[LakeFile]] = {}
    for file in plan_files(spark, BARS, inputs.bars, "session", first, last):
        by_month.setdefault(file.partition or 0, []).append(file)
    return {month: tuple(sorted(files, key=lambda file: file.path)) for month, files in by_month.items()}


def _sessions_with_look_back(exchange: Exchange, first: date, last: date, depth: int) -> list[date]:
    """Sessions from ``depth`` before ``first`` to ``last``; an exchange trades on more than half of all days."""
    sessions = exchange.between(first - timedelta(days=2 * depth + 10), last)
    return sessions[max(0, sessions.index(first) - depth) :]


def compute_files(
    spark: SparkSession,
    inputs: FeatureInputs,
    factors: FactorSet,
    work: FeatureWork,
    constants: Mapping[str, object],
) -> list[NewFile]:
    """Have the tasks of ``work`` compute and write; the files they wrote, not yet committed.

    Args:
        spark: a session on the lake.
        inputs: the snapshots to read.
        factors: the set.
        work: from ``find_work``.
        constants: columns beside symbol, session and the factors, the same in all rows.
    """
    first, last = work.plan.ranges[0][0], work.plan.ranges[-1][1]
    files = bar_files(spark, inputs, first, last)
    begin, snapshots = first - timedelta(days=factors.history), inputs.of(factors)
    actions = plan_files(spark, CORPORATE_ACTIONS, inputs.actions, "ex_session", begin, last)
    filings = (
        tuple(plan_files(spark, FUNDAMENTALS, snapshots[FUNDAMENTALS], "period_end", begin, last))
        if FUNDAMENTALS in snapshots
        else None
    )
    holds, renames = (
        named_listings(spark, inputs, kind, columns)
        for kind, columns in ((WRONG_LISTING, HOLD_COLUMNS), (RENAMED, RENAME_COLUMNS))
    )
    sources = Sources(files, tuple(actions), inputs.s3, filings, holds, renames)
    tasks, shape = work.tasks, shape_of(spark, table_of(factors))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        keep_archives()
        stand_back()
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for file in fill(tasks[number], sources, factors, shape, constants):
                    yield pa.RecordBatch.from_pylist([asdict(file)])

    with progress(spark, f"features {factors.name}", len(tasks)):
        rows = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(run, _MADE).collect()
    return [NewFile(row.path, row.partition, row.rows, row.size, bytes(row.body)) for row in rows]


def named_listings(
    spark: SparkSession, inputs: FeatureInputs, kind: str, columns: Sequence[str]
) -> pl.DataFrame | None:
    """The rows of ``market.corporate_actions`` of a kind that names listings; None if there are no such rows.

    Files that can't have such a row are not opened.
    """
    files = plan_files(spark, CORPORATE_ACTIONS, inputs.actions, "kind", kind, kind)
    if not files:
        return None
    rows = read_files(files, shape_of(spark, CORPORATE_ACTIONS), inputs.s3, pl.col("kind") == kind)
    return rows.select(columns) if rows.height else None


def commit(
    spark: SparkSession,
    factors: FactorSet,
    work: FeatureWork,
    files: Sequence[NewFile],
    commit_id: str,
    planned_at: int,
) -> int:
    """Commit what the tasks wrote, and record in the commit which sessions are stored now.

    Returns:
        The snapshot's id.

    Raises:
        BaseMovedError: another run has written some of the sessions since; nothing was committed.
    """
    holes = work.plan.holes
    # "After" is the snapshot that the plan saw: another commit in between is not covered by this record.
    summary = {COVERAGE: coverage(factors.definition_hash, holes, work.stored, planned_at)}
    return commit_sessions(spark, table_of(factors), files, commit_id, sessions=holes, since=planned_at, say=summary)
