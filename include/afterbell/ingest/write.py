"""What an ingest run writes: every table's new rows, on one branch, under one commit id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import polars as pl
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.ingest.flow import apply_kernel, pack_known
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.plan import KnownDrop
from afterbell.ingest.read import ACTIONS, FILINGS, REJECTS, SYMBOLS
from afterbell.ingest.read import BARS as BAR_ROWS
from afterbell.ingest.revisions import ACTION_KEY, ACTION_VALUES, FILING_KEY, number_revisions, something_new
from afterbell.ingest.symbols import EVENTS, symbol_events
from afterbell.lake.commit import append_once, at_snapshot, head, open_branch
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, FUNDAMENTALS, QUARANTINE, Table
from afterbell.lake.tables import SYMBOLS as SYMBOL_LOG

AUDITED = (BARS, CORPORATE_ACTIONS, SYMBOL_LOG, FUNDAMENTALS, QUARANTINE, DROPS)
"""The tables of an ingest, in the order in which they are published: the ledger last, so that a crash in between only
means that the drops are read again, and equal rows make no revision."""

_MOST_TASKS = 64
_FILING_SAME = frozenset({"knowledge_time", "drop_id", "known", "late", *FILING_KEY})


def known_drops(spark: SparkSession, snapshot_id: int) -> list[KnownDrop]:
    """The ledger as of a snapshot."""
    columns = ("source", "store", "key", "version", "sha256", "session", "state")
    # Instants travel as numbers: collect() would turn them into naive local times.
    instant = F.unix_micros("knowledge_time").alias("knowledge_time")
    rows = at_snapshot(spark, DROPS, snapshot_id).select(*columns, instant).collect()
    return [KnownDrop(**row.asDict() | {"knowledge_time": _instant(row.knowledge_time)}) for row in rows]


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, UTC)


def write_branch(
    spark: SparkSession,
    parts: DataFrame,
    outcomes: Sequence[Outcome],
    base: dict[str, int],
    *,
    branch: str,
    wanted: str,
) -> dict[str, int]:
    """Append what ``parts`` hold to ``branch`` of every table, each opened at the head of its ``main``.

    Args:
        spark: a session on the lake.
        parts: what was read (``afterbell.ingest.flow.read_drops``), persisted.
        outcomes: the ledger's lines.
        base: the snapshot of each table that this run builds on.
        branch: the branch's name.
        wanted: the commit id.

    Returns:
        The head of the branch, by table name. A table that has nothing new keeps the head of ``main``.
    """
    sessions = sorted({date.fromisoformat(day) for outcome in outcomes for day in outcome.sessions})
    new = {
        BARS: lambda: _bars(spark, parts, sessions, base),
        CORPORATE_ACTIONS: lambda: _actions(spark, parts, sessions, base),
        SYMBOL_LOG: lambda: _symbols(spark, parts, base),
        FUNDAMENTALS: lambda: _filings(spark, parts, base),
        QUARANTINE: lambda: _rejects(spark, parts, base),
        DROPS: lambda: _ledger(spark, outcomes),
    }
    held = {part for outcome in outcomes for part in outcome.parts}
    for table in AUDITED:
        open_branch(spark, table, branch, base[table.name])
        if table is DROPS or _PART_OF[table] in held:
            append_once(new[table](), table, wanted, branch, clustered=True)
    return {table.name: head(spark, table, branch) for table in AUDITED}


_PART_OF: dict[Table, str] = {
    BARS: BAR_ROWS,
    CORPORATE_ACTIONS: ACTIONS,
    SYMBOL_LOG: SYMBOLS,
    FUNDAMENTALS: FILINGS,
    QUARANTINE: REJECTS,
}


def _bars(spark: SparkSession, parts: DataFrame, sessions: list[date], base: dict[str, int]) -> DataFrame:
    # Only the sessions that the drops touch are read; their months' other partitions are never opened.
    lake = at_snapshot(spark, BARS, base[BARS.name]).where(_within("session", sessions))
    months = len({(day.year, day.month) for day in sessions})
    both = parts.unionByName(pack_known(lake, BAR_ROWS, month_of="session"))
    return apply_kernel(both, BAR_ROWS, number_revisions, BARS, min(months, _MOST_TASKS))


def _within(column: str, days: list[date]) -> Column:
    inside = F.col(column).between(days[0], days[-1])
    return inside & F.col(column).isin(days) if len(days) <= _MOST_TASKS else inside


def _actions(spark: SparkSession, parts: DataFrame, sessions: list[date], base: dict[str, int]) -> DataFrame:
    lake = at_snapshot(spark, CORPORATE_ACTIONS, base[CORPORATE_ACTIONS.name]).where(_within("ex_session", sessions))

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        return something_new(rows, ACTION_KEY, ACTION_VALUES).filter(~pl.col("known"))

    return apply_kernel(parts.unionByName(pack_known(lake, ACTIONS)), ACTIONS, kernel, CORPORATE_ACTIONS, 1)


def _symbols(spark: SparkSession, parts: DataFrame, base: dict[str, int]) -> DataFrame:
    lake = at_snapshot(spark, SYMBOL_LOG, base[SYMBOL_LOG.name])

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        known = rows.filter("known")
        log = known.select(list(EVENTS)) if known.height else EVENTS.to_frame()
        return symbol_events(log, rows.filter(~pl.col("known") & ~pl.col("late")))

    return apply_kernel(parts.unionByName(pack_known(lake, SYMBOLS)), SYMBOLS, kernel, SYMBOL_LOG, 1)


def _filings(spark: SparkSession, parts: DataFrame, base: dict[str, int]) -> DataFrame:
    lake = at_snapshot(spark, FUNDAMENTALS, base[FUNDAMENTALS.name])

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        values = [column for column in rows.columns if column not in _FILING_SAME]
        return something_new(rows, FILING_KEY, values).filter(~pl.col("known"))

    return apply_kernel(parts.unionByName(pack_known(lake, FILINGS)), FILINGS, kernel, FUNDAMENTALS, 1)


def _rejects(spark: SparkSession, parts: DataFrame, base: dict[str, int]) -> DataFrame:
    made = apply_kernel(parts, REJECTS, lambda rows: rows.sort("source", "session", "line"), QUARANTINE, 1)
    # After a crash between two tables' publishing the same drops come again: their lines are there already.
    there = at_snapshot(spark, QUARANTINE, base[QUARANTINE.name]).select("drop_id").distinct()
    return made.join(there, on="drop_id", how="left_anti")


def _ledger(spark: SparkSession, outcomes: Sequence[Outcome]) -> DataFrame:
    rows = [outcome.ledger_row() for outcome in outcomes]
    return spark.createDataFrame(rows, spark.table(DROPS.full_name).schema).coalesce(1)
