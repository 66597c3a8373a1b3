"""The ingest on Spark: one job, a slice of the objects for each task, inside Arrow batches.

A task fetches and parses its drops, numbers the revisions of its bucket (a month of bars), writes the file, and returns
to the driver what is small. No row of a drop passes through the JVM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache, partial

import numpy as np
import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.progress import progress
from afterbell.cluster.worker import keep_archives, stand_back
from afterbell.config.runtime import Runtime, S3Location
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.past import find_changed_bars, previous_sessions
from afterbell.ingest.actions.ratios import FAR_FROM_ONE
from afterbell.ingest.actions.renames import find_renames
from afterbell.ingest.fetch import Fetch, Stores
from afterbell.ingest.history import HistoryChunk, read_chunk
from afterbell.ingest.levels import sample_closes
from afterbell.ingest.plan import REVISED
from afterbell.ingest.read import Drop, read_drops
from afterbell.ingest.revisions import BAR_KEY, BAR_VALUES, MINUTE_KEY, MINUTE_VALUES, number_revisions
from afterbell.ingest.slices import DropSlice
from afterbell.ingest.task_results import (
    CHANGED,
    EVIDENCE,
    FILES,
    FILINGS,
    LEDGER,
    LEVELS,
    REJECTS,
    RENAMED,
    REPEATS,
    REPORTS,
    SEEN,
    SYMBOLS,
    Part,
    Parts,
    files_frame,
    outcomes_frame,
    pack,
    unpack,
)
from afterbell.lake.files import write_files
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.shape import Shape
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Kind, Source
from afterbell.stores.factory import drop_store

KEYS = {"bars": (BAR_KEY, BAR_VALUES), "minute_bars": (MINUTE_KEY, MINUTE_VALUES)}
_SMALL: dict[Kind, str] = {"symbols": SYMBOLS, "filings": FILINGS, "actions": REPORTS}
"""The parts that rows of the small kinds go to."""
STAMP = ("knowledge_time", "drop_id")


@dataclass(frozen=True)
class Known:
    """The data of the lake that a task needs.

    Attributes:
        shape: of the table that its bars go to.
        files: that may have rows of its bucket.
        repeats: symbol and session of bars that repeat the session before, as the lake's evidence has it.
        exchange: whose sessions count.
        staged: files with bars of its bucket that another task has read (``afterbell.ingest.history``).
        delivered: when the objects that those are from count as delivered, by source.
    """

    shape: Shape
    files: tuple[LakeFile, ...]
    repeats: pl.DataFrame
    exchange: str = ""
    staged: tuple[LakeFile, ...] = ()
    delivered: Mapping[str, datetime] = field(default_factory=dict)


def read_slice(
    work: DropSlice, sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch, known: Known | None, s3: S3Location
) -> Iterator[Part]:
    """Read the drops of one slice.

    Args:
        work: the slice.
        sources: each with its rules, by name.
        fetch: gets an object's bytes and the version they are; safe to call from threads.
        known: what the lake has; None for the small kinds.
        s3: where S3 is, if the lake is there.

    Yields:
        Its parts, none of them empty.
    """
    drops = read_drops(work.tasks, sources, fetch)
    own = [drop for number, drop in enumerate(drops) if number in work.own]
    # Another task reports on the rest; the driver makes sure that both saw the same.
    seen = [drop.outcome for number, drop in enumerate(drops) if number not in work.own]
    yield Part(SEEN, work.kind, outcomes_frame(seen))
    yield Part(LEDGER, work.kind, outcomes_frame(drop.outcome for drop in own))
    rejected = [drop.rejected for drop in own if drop.rejected is not None]
    if rejected:
        yield Part(REJECTS, work.kind, pl.concat(rejected, how="diagonal"))
    if known is not None:
        readable = [(drop.outcome.drop_id, drop.rows) for drop in own if drop.rows is not None]
        if readable:
            yield Part(LEVELS, work.kind, sample_closes(readable))
        yield from _bars(work, Exchange(known.exchange), drops, own, known, s3)
        return
    small = [_with_origin(work.kind, drop) for drop in own if drop.rows is not None]
    if small:
        yield Part(_SMALL[work.kind], work.kind, pl.concat(small, how="diagonal"))


def _with_origin(kind: Kind, drop: Drop) -> pl.DataFrame:
    """The rows of a drop of a small kind, with the columns by which the driver knows where they are from."""
    task = drop.outcome.task
    columns: dict[str, object] = {"drop_session": task.session}
    if kind == "actions":
        columns |= {"source": task.source, "key": task.key, "session": task.session}
    return (pl.DataFrame() if drop.rows is None else drop.rows).with_columns(
        pl.lit(value).alias(name) for name, value in columns.items()
    )


def _bars(
    work: DropSlice, exchange: Exchange, drops: list[Drop], own: list[Drop], known: Known, s3: S3Location
) -> Iterator[Part]:
    staged = read_files(known.staged, known.shape, s3)
    revisions, earlier = number_bucket(work, drops, known, s3, staged)
    shown = _collect_evidence(own, staged, revisions, exchange) if work.kind == "bars" else None
    repeats = known.repeats
    if shown is not None:
        yield Part(EVIDENCE, work.kind, shown)
        repeats = pl.concat([repeats, shown.filter("unchanged").select(repeats.columns)]).unique()
    if work.kind == "bars":
        restated = find_changed_bars(revisions, earlier, exchange)
        if restated.height:
            yield Part(CHANGED, work.kind, restated)
        delivered = {drop.outcome.drop_id: drop.rows for drop in drops if drop.rows is not None}
        renamed = find_renames(revisions, earlier, delivered)
        if renamed.height:
            yield Part(RENAMED, work.kind, renamed)
    if repeats.height and revisions.height:
        repeated = revisions.join(repeats, on=["symbol", "session"], how="semi", maintain_order="left")
        if repeated.height:
            yield Part(REPEATS, work.kind, repeated)
            revisions = revisions.join(repeated, on=["symbol", "session"], how="anti", maintain_order="left")
    files = write_files(revisions, known.shape, s3)
    if files:
        yield Part(FILES, work.kind, files_frame(files))


def _evidence_of_drops(drops: list[Drop], exchange: Exchange) -> pl.DataFrame | None:
    """What the drops show of corporate actions and of repeats, stamped; None where they show nothing."""
    readable = [drop for drop in drops if drop.rows is not None]
    if not readable:
        return None
    rows = _numbered(readable, [drop.rows for drop in readable])
    revised = [number for number, drop in enumerate(readable) if drop.outcome.state == REVISED]
    single = [day for drop in readable for day in drop.outcome.sessions if len(drop.outcome.sessions) == 1]
    previous = previous_sessions(map(date.fromisoformat, single), exchange)
    shown = evidence.show(rows, everything=pl.col("drop").is_in(revised), previous=previous)
    rows_shown = pl.concat([shown, _claims_of_held(readable)])
    starts = np.cumsum([0, *(drop.outcome.rows for drop in readable[:-1])])
    stamps = rows.select(STAMP)[starts]
    rows_shown = rows_shown.drop("drop").hstack(stamps[rows_shown["drop"]])
    return rows_shown if rows_shown.height else None


def _collect_evidence(
    drops: list[Drop], staged: pl.DataFrame, revisions: pl.DataFrame, exchange: Exchange
) -> pl.DataFrame | None:
    """What the drops show, and the staged bars that are new: each as if a drop of its session had brought it."""
    shown = [_evidence_of_drops(drops, exchange)]
    new = staged.join(revisions, on=[*BAR_KEY, "drop_id"], how="semi", maintain_order="left")
    if new.height:
        # The stamp is that of the new revision: what was known before may have moved it.
        stamps = revisions.select(*BAR_KEY, *STAMP).unique([*BAR_KEY, "drop_id"], keep="first", maintain_order=True)
        new = new.drop("knowledge_time").join(stamps, on=[*BAR_KEY, "drop_id"], how="inner", maintain_order="left")
        drop_numbers = new.select("drop_id", "session").unique(maintain_order=True).with_row_index("drop")
        rows = _without_adjusted(new).join(drop_numbers, on=["drop_id", "session"], how="inner", maintain_order="left")
        new_shown = evidence.show(rows, previous=previous_sessions(new["session"].unique().to_list(), exchange))
        stamps_by_drop = rows.select("drop", "symbol", *STAMP)
        shown.append(
            new_shown.join(stamps_by_drop, on=["drop", "symbol"], how="inner", maintain_order="left").drop("drop")
        )
    frames = [frame for frame in shown if frame is not None and frame.height]
    return pl.concat(frames, how="diagonal") if frames else None


def _without_adjusted(rows: pl.DataFrame) -> pl.DataFrame:
    """Bars with the close in place of an adjusted close that the vendor doesn't give."""
    return rows.with_columns(pl.coalesce("adj_close", "close").alias("adj_close"))


def _claims_of_held(drops: list[Drop]) -> pl.DataFrame:
    """What the vendor claims of bars that were held for a jump: the drop that repeats these bars claims nothing."""
    held = [drop for drop in drops if drop.held is not None]
    if not held:
        return pl.DataFrame(schema=evidence.EVIDENCE | {"drop": pl.UInt32})
    numbers = [number for number, drop in enumerate(drops) if drop.held is not None]
    frames = [
        pl.concat([drop.held, drop.rows.join(drop.held, on="symbol", how="semi")], how="diagonal")
        for drop in held
        if drop.rows is not None and drop.held is not None
    ]
    shown = evidence.show(_numbered(held, frames, numbers))
    return shown.filter((pl.col("factor") - 1).abs() > FAR_FROM_ONE)


def _numbered(
    drops: list[Drop], frames: Sequence[pl.DataFrame | None], numbers: Sequence[int] | None = None
) -> pl.DataFrame:
    """The rows of several drops in one frame, with ``drop`` (UInt32), which numbers them."""
    present = [frame for frame in frames if frame is not None]
    rows = pl.concat([_with_adjusted(frame) for frame in present], how="diagonal")
    drop_numbers = np.arange(len(drops), dtype=np.uint32) if numbers is None else np.asarray(numbers, np.uint32)
    return rows.with_columns(pl.Series("drop", np.repeat(drop_numbers, [frame.height for frame in present])))


def _with_adjusted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if "adj_close" in rows.columns else rows.with_columns(adj_close="close")


def number_bucket(
    work: DropSlice, drops: list[Drop], known: Known, s3: S3Location, staged: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The new revisions of a bucket, with the columns of its table, sorted by key; and those that the lake has.

    Args:
        work: which bucket.
        drops: those that may have rows of it.
        known: what the lake has.
        s3: where S3 is, if the lake is there.
        staged: bars of objects that carry a history. Where the lake has one already, from whatever source, they are a
            revision: known from their delivery on.
    """
    session = pl.col("session")
    inside = (session if work.kind == "minute_bars" else session.dt.truncate("1mo")) == work.bucket
    blank = pl.DataFrame(known.shape.schema.empty_table())
    frames = [drop.rows for drop in drops if drop.rows is not None]
    new = _like(pl.concat(frames, how="diagonal").filter(inside) if frames else blank, blank, known=False)
    more = new.clear() if staged is None else _like(staged.filter(inside), blank, known=False)
    if new.is_empty() and more.is_empty():
        return blank, blank
    sessions = pl.concat([new["session"], more["session"]]).unique()
    earlier = read_files(known.files, known.shape, s3, session.is_in(sessions.implode()))
    new = pl.concat([new, _as_delivered(more, earlier, known.delivered)]) if more.height else new
    rows = pl.concat([new, _like(earlier, blank, known=True)]) if earlier.height else new
    return number_revisions(rows, *KEYS[work.kind]).drop("known", "late"), earlier


def _as_delivered(rows: pl.DataFrame, earlier: pl.DataFrame, delivered: Mapping[str, datetime]) -> pl.DataFrame:
    """Staged bars; of those that the lake has already the knowledge time is that of the delivery, if it is later."""
    source = pl.col("drop_id").str.split_exact(":", 1).struct.field("field_0")
    kind = rows.schema["knowledge_time"]
    instants = pl.Series(list(delivered.values()), dtype=pl.Datetime("us", "UTC")).cast(kind)
    delivered_at = source.replace_strict(pl.Series(list(delivered)), instants, return_dtype=kind)
    again = rows.join(earlier, on=list(BAR_KEY), how="semi").with_columns(
        pl.max_horizontal("knowledge_time", delivered_at)
    )
    return pl.concat([rows.join(earlier, on=list(BAR_KEY), how="anti"), again])


def _like(rows: pl.DataFrame, blank: pl.DataFrame, *, known: bool) -> pl.DataFrame:
    """``rows`` with the columns and types of ``blank``, empty where they have none, and ``late`` and ``known``."""
    columns = [
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in blank.schema.items()
    ]
    late = pl.col("late") if "late" in rows.columns else pl.lit(value=False)
    return rows.select(*columns, late.alias("late"), pl.lit(value=known).alias("known"))


_PARTS = "name string, kind string, payload binary"
_PARTS_ARROW = pa.schema([("name", pa.string()), ("kind", pa.string()), ("payload", pa.binary())])
Batches = Iterator[pa.RecordBatch]


def read_slices(
    spark: SparkSession,
    slices: Sequence[tuple[DropSlice, Known | None]],
    sources: Mapping[str, tuple[Source, RuleSet]],
    runtime: Runtime,
) -> Parts:
    """Read all ``slices``, each in a task of its own, and gather their parts."""
    if not slices:  # a run that writes a person's decision, and has no new drop
        return Parts([])

    def read(number: int, stores: Stores) -> Iterator[Part]:
        work, known = slices[number]
        return read_slice(work, sources, stores.fetch, known, runtime.s3)

    return _read_all(spark, len(slices), read, runtime)


def read_histories(
    spark: SparkSession,
    chunks: Sequence[HistoryChunk],
    sources: Mapping[str, tuple[Source, RuleSet]],
    shape: Shape,
    runtime: Runtime,
) -> Parts:
    """Read all ``chunks`` of objects that carry a history, each in a task of its own; returns their parts."""

    def read(number: int, stores: Stores) -> Iterator[Part]:
        return read_chunk(chunks[number], sources, stores.fetch, shape, runtime.s3)

    return _read_all(spark, len(chunks), read, runtime)


def _read_all(
    spark: SparkSession, tasks: int, read: Callable[[int, Stores], Iterator[Part]], runtime: Runtime
) -> Parts:
    def run(batches: Batches) -> Batches:
        keep_archives()
        stand_back()
        stores = _stores(runtime)
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for part in read(number, stores):
                    yield _batch(part)

    with progress(spark, "ingest", tasks):
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(run, _PARTS).collect()
    return Parts([Part(row.name, row.kind, unpack(bytes(row.payload))) for row in rows])


@lru_cache(maxsize=2)
def _stores(runtime: Runtime) -> Stores:
    """The stores of all tasks of a Python process, whose environment has their credentials; a client costs 20 ms."""
    return Stores(partial(drop_store, runtime=runtime))


def _batch(part: Part) -> pa.RecordBatch:
    row = {"name": part.name, "kind": part.kind, "payload": pack(part.frame)}
    return pa.RecordBatch.from_pylist([row], schema=_PARTS_ARROW)
