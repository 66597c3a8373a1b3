"""The ingest on Spark: objects are fetched and parsed in Arrow batches, a slice of the list a task.

What a drop held travels as packed Arrow (a few hundred kilobytes a drop), so that parsing once, shuffling by month and
unpacking cost little, and the JVM sees rows only when they are final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses
from pyspark.sql.pandas.types import to_arrow_schema

from afterbell.config.runtime import Runtime
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.plan import DropTask
from afterbell.ingest.read import LEDGER, NO_BUCKET, Part, Stores, pack, read_drop, unpack
from afterbell.ingest.source import Source
from afterbell.lake.tables import Table
from afterbell.quality.rules import RuleSet
from afterbell.stores.factory import drop_store

_PARTS = "part string, bucket date, payload binary"
_PARTS_ARROW = pa.schema([("part", pa.string()), ("bucket", pa.date32()), ("payload", pa.binary())])
_BATCH_ROWS = 65_536
Kernel = Callable[[pl.DataFrame], pl.DataFrame]
Batches = Iterator[pa.RecordBatch]


def read_drops(
    spark: SparkSession,
    tasks: list[DropTask],
    sources: Mapping[str, tuple[Source, RuleSet]],
    runtime: Runtime,
) -> DataFrame:
    """What the drops of ``tasks`` held.

    Returns:
        One row a part: part, bucket, payload (``afterbell.ingest.read.Part``).
    """
    slices = min(len(tasks), 4 * spark.sparkContext.defaultParallelism)
    listed = spark.createDataFrame([(task.to_json(),) for task in tasks], "task string").repartition(slices)

    def run(batches: Batches) -> Batches:
        # The task opens the stores itself; their credentials come from its environment.
        stores = Stores(lambda kind: drop_store(kind, runtime))
        for batch in batches:
            for text in batch.column("task").to_pylist():
                task = DropTask.from_json(text)
                source, rules = sources[task.source]
                yield _batch(list(read_drop(source, rules, task, partial(stores.fetch, task))))

    return listed.mapInArrow(run, _PARTS)


def outcomes_of(parts: DataFrame) -> list[Outcome]:
    """The ledger's lines among ``parts``, in the order of source, session and key."""
    rows = parts.where(F.col("part") == LEDGER).select("payload").collect()
    found = [Outcome.from_json(bytes(row.payload).decode()) for row in rows]
    return sorted(found, key=lambda outcome: (outcome.task.source, outcome.task.session, outcome.task.key))


def pack_known(rows: DataFrame, part: str, month_of: str | None = None) -> DataFrame:
    """Rows that the lake has, as parts, with ``known`` set; bucketed by the month of the date column ``month_of``."""

    def run(batches: Batches) -> Batches:
        for batch in batches:
            frame = pl.from_arrow(pa.Table.from_batches([batch]))
            if not isinstance(frame, pl.DataFrame) or frame.is_empty():
                continue
            frame = frame.with_columns(known=True, late=False)
            if month_of is None:
                yield _batch([Part(part, NO_BUCKET, pack(frame))])
                continue
            groups = frame.group_by(pl.col(month_of).dt.truncate("1mo"))
            yield _batch([Part(part, month, pack(rows)) for (month,), rows in groups if isinstance(month, date)])

    return rows.mapInArrow(run, _PARTS)


def apply_kernel(parts: DataFrame, part: str, kernel: Kernel, table: Table, tasks: int) -> DataFrame:
    """Run ``kernel`` on all rows of one part and bucket at once, buckets side by side.

    Args:
        parts: what was read, and what was known.
        part: which part of it.
        kernel: takes the bucket's rows (``known`` tells which the lake has), gives rows of ``table``.
        table: decides the columns and types.
        tasks: how many Spark tasks share the buckets.

    Returns:
        Rows of ``table``; those of one bucket stand together.
    """
    spark = parts.sparkSession
    schema = to_arrow_schema(spark.table(table.full_name).schema)

    def run(batches: Batches) -> Batches:
        buckets: dict[date, list[pl.DataFrame]] = {}
        for batch in batches:
            for bucket, payload in zip(
                batch.column("bucket").to_pylist(), batch.column("payload").to_pylist(), strict=True
            ):
                buckets.setdefault(bucket, []).append(unpack(payload))
        for bucket in sorted(buckets):
            # The empty frame gives every bucket all columns, whether the lake had rows for it or not.
            rows = pl.concat([_blank(schema), *buckets.pop(bucket)], how="diagonal")
            made = kernel(rows.with_columns(pl.col("known", "late").fill_null(value=False)))
            yield from made.select(schema.names).to_arrow().cast(schema).to_batches(max_chunksize=_BATCH_ROWS)

    mine = parts.where(F.col("part") == part).select("bucket", "payload")
    return mine.repartition(tasks, "bucket").mapInArrow(run, spark.table(table.full_name).schema)


def _blank(schema: pa.Schema) -> pl.DataFrame:
    columns = schema.append(pa.field("known", pa.bool_())).append(pa.field("late", pa.bool_()))
    return pl.DataFrame(columns.empty_table())


def _batch(parts: list[Part]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"part": part.part, "bucket": part.bucket, "payload": part.payload} for part in parts], schema=_PARTS_ARROW
    )
