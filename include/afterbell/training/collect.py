"""Reads the inputs of training from the lake at given snapshots: the tables' files, without a Spark job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import S3Location
from afterbell.errors import StaleInputError
from afterbell.features.grid import SessionGrid, from_day
from afterbell.features.sets import SETS
from afterbell.lake.commit import head
from afterbell.lake.scan import LakeFile, list_files, plan_files, read_files, with_bodies
from afterbell.lake.shape import Shape, shape_of
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, Table
from afterbell.lake.unseen import NEAR, unseen_sessions
from afterbell.training.assemble import MatrixInputs
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.rows import SetRows
from afterbell.training.spec import ModelSpec

_NOT_FACTORS = ("symbol", "session", "definition_hash", "input_snapshot")


class StoredMonths:
    """A table that is partitioned by the month of its sessions, at a snapshot: a ``bars.Monthly``."""

    def __init__(
        self,
        spark: SparkSession,
        table: Table,
        snapshot: int,
        s3: S3Location,
        keep: pl.Expr | None = None,
        sessions: tuple[date, date] | None = None,
    ) -> None:
        """``keep``: which rows count; ``sessions``: first and last that files are read of; all, if left out."""
        self._spark, self._table, self._s3, self._keep = spark, table, s3, keep
        self._shape = shape_of(spark, table)
        self._files: dict[int, list[LakeFile]] = {}
        for file in list_files(spark, table, snapshot, *(("session", *sessions) if sessions else ())):
            if file.partition is None:
                raise StaleInputError(f"table {table.name} is not partitioned by month: expected months(session)")
            self._files.setdefault(file.partition, []).append(file)

    @property
    def months(self) -> Sequence[int]:
        """Months with files."""
        return sorted(self._files)

    @property
    def room(self) -> int:
        """The rows of all files."""
        return sum(file.rows for files in self._files.values() for file in files)

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns."""
        return tuple(self._shape.schema.names)

    def read(self, month: int, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of a month."""
        needed = [*columns, *([] if self._keep is None else self._keep.meta.root_names())]
        files = with_bodies(self._spark, self._table, self._files.get(month, []))
        rows = read_files(files, _narrowed(self._shape, needed), self._s3, self._keep)
        return rows.select(columns)


def _narrowed(shape: Shape, columns: Sequence[str]) -> Shape:
    return replace(shape, schema=pa.schema([shape.schema.field(name) for name in dict.fromkeys(columns)]))


def read_inputs(
    spark: SparkSession,
    s3: S3Location,
    snapshots: TrainingSnapshots,
    exchange: Exchange,
    last: date,
    spec: ModelSpec,
    first: date | None = None,
) -> MatrixInputs:
    """Read the inputs of the matrix of the session ``last``; rows of sessions before ``first`` are left out.

    Raises:
        StaleInputError: a set has no row of its definition up to ``last``.
    """
    keep = pl.col("session") <= last
    if first is not None:
        keep &= pl.col("session") >= first
    sets = [_set_rows(spark, s3, snapshots, name, keep) for name in spec.feature_sets]
    start = max(_first_session(rows, snapshots, last) for rows in sets)
    actions = plan_files(spark, CORPORATE_ACTIONS, snapshots.actions)
    return MatrixInputs(
        sets=tuple(sets),
        bars=StoredMonths(spark, BARS, snapshots.bars, s3),
        actions=read_files(actions, shape_of(spark, CORPORATE_ACTIONS), s3),
        grid=(grid := SessionGrid.of(exchange, exchange.between(start, last))),
        unseen=unseen_before_training(spark, s3, exchange, grid) if spec.unseen == "leave_out" else frozenset(),
    )


def unseen_before_training(
    spark: SparkSession, s3: S3Location, exchange: Exchange, grid: SessionGrid
) -> frozenset[date]:
    """The sessions of ``grid`` without evidence, by what was known at the cut-off of the last one.

    The ledger only grows, and by what becomes known later: whatever its snapshot, the answer is the same.
    """
    first, last = (from_day(int(grid.days[index])) for index in (0, -1))
    calendar = [*exchange.before(first, 2 * NEAR), *exchange.between(first, last)]
    files = plan_files(spark, DROPS, head(spark, DROPS), "session", calendar[0], last)
    keep = pl.col("session").is_between(calendar[0], last)
    keep &= pl.col("knowledge_time").dt.epoch("us") <= int(grid.cut_offs[-1])
    ledger = read_files(files, shape_of(spark, DROPS), s3, keep)
    return frozenset(day for days in unseen_sessions(ledger, calendar).values() for day in days if day >= first)


def _set_rows(spark: SparkSession, s3: S3Location, snapshots: TrainingSnapshots, name: str, keep: pl.Expr) -> SetRows:
    definition = snapshots.definitions[name]
    keep_own = (pl.col("definition_hash") == definition) & keep
    rows = StoredMonths(spark, Table(f"features.{name}", ""), snapshots.features[name], s3, keep_own)
    return SetRows(name, factor_columns(name, definition, rows.columns), rows)


def factor_columns(name: str, definition: str, stored: Sequence[str]) -> tuple[str, ...]:
    """The columns of a set's definition; a table may have others, of earlier definitions, in the order of their age.

    Args:
        name: of the set.
        definition: its hash; for one that is no longer declared here all columns count.
        stored: the table's columns.
    """
    declared = SETS.get(name)
    if declared is not None and declared.definition_hash == definition:
        return declared.names
    return tuple(column for column in stored if column not in _NOT_FACTORS)


def _first_session(rows: SetRows, snapshots: TrainingSnapshots, last: date) -> date:
    for month in rows.rows.months:
        sessions = rows.rows.read(month, ["session"])["session"]
        if not sessions.is_empty():
            first: date = sessions.to_list()[sessions.arg_min() or 0]
            return first
    raise StaleInputError(
        f"features.{rows.name} has no row of definition {snapshots.definitions[rows.name]} up to {last} at snapshot "
        f"{snapshots.features[rows.name]}: clear the task 'features' and all after it"
    )
