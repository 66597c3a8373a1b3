"""A task's work, inside Spark's Arrow batches: read its drops, number the revisions of its bucket, write the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import S3Location
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.past import late_newcomers
from afterbell.ingest.parsing.decode import check_size
from afterbell.ingest.parts import (
    EVIDENCE,
    FILES,
    FILINGS,
    LEDGER,
    REJECTS,
    REPEATS,
    SEEN,
    SYMBOLS,
    Part,
    files_frame,
    outcomes_frame,
)
from afterbell.ingest.plan import REVISED, DropTask
from afterbell.ingest.read import Drop, read_drop
from afterbell.ingest.revisions import BAR_KEY, BAR_VALUES, MINUTE_KEY, MINUTE_VALUES, number_revisions
from afterbell.ingest.slices import Slice
from afterbell.ingest.sources.source import Source
from afterbell.lake.files import write_files
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.shape import Shape
from afterbell.quality.rules import RuleSet
from afterbell.stores.protocols import StoredObject

KEYS = {"bars": (BAR_KEY, BAR_VALUES), "minute_bars": (MINUTE_KEY, MINUTE_VALUES)}
_AHEAD = 8
"""Objects that are asked for while one is parsed."""
_AT_ONCE = 2
"""Objects that are under way at once: more threads only take the interpreter from the one that parses."""
STAMP = ("knowledge_time", "drop_id")
Fetch = Callable[[DropTask], tuple[StoredObject, bytes]]


@dataclass(frozen=True)
class Known:
    """What a task needs of the lake.

    Attributes:
        shape: of the table that its bars go to.
        files: that may have rows of its bucket.
        repeats: symbol and session of bars that repeat the session before, as the lake's evidence has it.
    """

    shape: Shape
    files: tuple[LakeFile, ...]
    repeats: pl.DataFrame


def read_slice(
    work: Slice, sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch, known: Known | None, s3: S3Location
) -> Iterator[Part]:
    """Read the drops of one slice.

    Args:
        work: which.
        sources: with their rules, by name.
        fetch: gets an object's bytes and the version they are; safe to call from threads.
        known: what the lake has; None for the small kinds.
        s3: where S3 is, if the lake is there.

    Yields:
        Its parts, none of them empty.
    """
    drops = list(_drops(work, sources, fetch))
    own = [drop for number, drop in enumerate(drops) if number in work.own]
    # Another task reports on the rest; the driver makes sure that both saw the same.
    seen = [drop.outcome for number, drop in enumerate(drops) if number not in work.own]
    yield Part(SEEN, work.kind, outcomes_frame(seen))
    yield Part(LEDGER, work.kind, outcomes_frame(drop.outcome for drop in own))
    rejected = [drop.rejected for drop in own if drop.rejected is not None]
    if rejected:
        yield Part(REJECTS, work.kind, pl.concat(rejected, how="diagonal"))
    if known is not None:
        yield from _bars(work, Exchange(sources[work.tasks[0].source][0].exchange), drops, own, known, s3)
        return
    for drop in own:
        if drop.rows is not None:
            rows = drop.rows.with_columns(drop_session=pl.lit(drop.outcome.task.session))
            yield Part(SYMBOLS if work.kind == "symbols" else FILINGS, work.kind, rows)


def _drops(work: Slice, sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch) -> Iterator[Drop]:
    """The drops, parsed one by one, while the next ones are under way."""

    def get(task: DropTask) -> tuple[StoredObject, bytes]:
        check_size(sources[task.source][0], task.key, task.size)
        return fetch(task)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        coming: deque[Future[tuple[StoredObject, bytes]]] = deque(
            pool.submit(get, task) for task in work.tasks[:_AHEAD]
        )
        for number, task in enumerate(work.tasks):
            body = coming.popleft()
            yield read_drop(*sources[task.source], task, body.result)
            if number + _AHEAD < len(work.tasks):
                coming.append(pool.submit(get, work.tasks[number + _AHEAD]))


def _bars(
    work: Slice, exchange: Exchange, drops: list[Drop], own: list[Drop], known: Known, s3: S3Location
) -> Iterator[Part]:
    shown = _evidence(own) if work.kind == "bars" else None
    repeats = known.repeats
    if shown is not None:
        yield Part(EVIDENCE, work.kind, shown)
        repeats = pl.concat([repeats, shown.filter("unchanged").select(repeats.columns)]).unique()
    made = number_bucket(work, drops, known, s3)
    if work.kind == "bars":
        late = late_newcomers(made, exchange)
        if late.height:
            yield Part(EVIDENCE, work.kind, late)
    if repeats.height and made.height:
        judged = made.join(repeats, on=["symbol", "session"], how="semi", maintain_order="left")
        if judged.height:
            yield Part(REPEATS, work.kind, judged)
            made = made.join(judged, on=["symbol", "session"], how="anti", maintain_order="left")
    files = write_files(made, known.shape, s3)
    if files:
        yield Part(FILES, work.kind, files_frame(files))


def _evidence(drops: list[Drop]) -> pl.DataFrame | None:
    """What the drops show of corporate actions and of repeats, stamped; None where that is nothing."""
    told = [drop for drop in drops if drop.rows is not None]
    if not told:
        return None
    rows = pl.concat([_with_adjusted(drop.rows) for drop in told if drop.rows is not None], how="diagonal")
    heights = [drop.outcome.rows for drop in told]
    numbers = pl.Series("drop", np.repeat(np.arange(len(told), dtype=np.uint32), heights))
    revised = [number for number, drop in enumerate(told) if drop.outcome.state == REVISED]
    shown = evidence.show(rows.with_columns(numbers), everything=pl.col("drop").is_in(revised))
    stamps = rows.select(STAMP)[np.cumsum([0, *heights[:-1]])]
    found = shown.drop("drop").hstack(stamps[shown["drop"]])
    return found if found.height else None


def _with_adjusted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if "adj_close" in rows.columns else rows.with_columns(adj_close="close")


def number_bucket(work: Slice, drops: list[Drop], known: Known, s3: S3Location) -> pl.DataFrame:
    """The new revisions of a bucket, with the columns of its table, sorted by key."""
    session = pl.col("session")
    inside = (session if work.kind == "minute_bars" else session.dt.truncate("1mo")) == work.bucket
    blank = pl.DataFrame(known.shape.schema.empty_table())
    told = [drop.rows for drop in drops if drop.rows is not None]
    new = _like(pl.concat(told, how="diagonal").filter(inside) if told else blank, blank, known=False)
    if new.is_empty():
        return blank
    there = read_files(known.files, known.shape, s3, session.is_in(new["session"].unique().implode()))
    rows = pl.concat([new, _like(there, blank, known=True)]) if there.height else new
    return number_revisions(rows, *KEYS[work.kind]).drop("known", "late")


def _like(rows: pl.DataFrame, blank: pl.DataFrame, *, known: bool) -> pl.DataFrame:
    """``rows`` with the columns and types of ``blank``, empty where they have none, and ``late`` and ``known``."""
    columns = [
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in blank.schema.items()
    ]
    late = pl.col("late") if "late" in rows.columns else pl.lit(value=False)
    return rows.select(*columns, late.alias("late"), pl.lit(value=known).alias("known"))
