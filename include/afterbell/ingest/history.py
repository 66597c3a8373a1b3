"""Reading the objects of sources that carry a history: a first job, before bars are numbered a month at a time.

Each object is read once, by one task, whatever months it has rows of. The rows are staged as data files that no commit
names, a file a month, for the tasks that number those months; everything else about them goes to the driver as parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import S3Location
from afterbell.errors import CorruptDropError
from afterbell.ingest.fetch import Fetch, fetch_ahead
from afterbell.ingest.levels import sample_closes
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.parsing.checks import DropName
from afterbell.ingest.parsing.history import Mark, ParsedHistory, parse_history
from afterbell.ingest.plan import DUPLICATE, EMPTY, LANDED, REVISED, DropTask
from afterbell.ingest.read import Drop, named, open_drop
from afterbell.ingest.task_results import LEDGER, LEVELS, REJECTS, STAGED, Part, files_frame, outcomes_frame
from afterbell.lake.files import write_files
from afterbell.lake.shape import Shape
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source
from afterbell.stores.protocols import StoredObject

_CHUNK_BYTES, _CHUNK_OBJECTS = 8 * 1024 * 1024, 256
_INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class HistoryChunk:
    """The objects that one task reads."""

    tasks: tuple[DropTask, ...]


def chunks_of(tasks: Sequence[DropTask]) -> list[HistoryChunk]:
    """Tasks of a few megabytes each, in the order of their keys."""
    chunks: list[list[DropTask]] = []
    size = _CHUNK_BYTES
    for task in sorted(tasks, key=lambda task: (task.source, task.key)):
        if size >= _CHUNK_BYTES or len(chunks[-1]) >= _CHUNK_OBJECTS:
            chunks.append([])
            size = 0
        chunks[-1].append(task)
        size += task.size
    return [HistoryChunk(tuple(chunk)) for chunk in chunks]


def read_chunk(
    work: HistoryChunk, sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch, shape: Shape, s3: S3Location
) -> Iterator[Part]:
    """Read the objects of one chunk.

    Args:
        work: the chunk.
        sources: each with its rules, by name.
        fetch: gets an object's bytes and the version they are.
        shape: of ``market.bars``.
        s3: where S3 is, if the lake is there.

    Yields:
        Its parts, none of them empty.
    """
    drops = [read_history(*sources[task.source], task, body) for task, body in fetch_ahead(work.tasks, sources, fetch)]
    kind = sources[work.tasks[0].source][0].kind
    yield Part(LEDGER, kind, outcomes_frame(drop.outcome for drop in drops))
    rejected = [drop.rejected for drop in drops if drop.rejected is not None]
    if rejected:
        yield Part(REJECTS, kind, pl.concat(rejected, how="diagonal"))
    drop_rows = [(drop.outcome.drop_id, drop.rows) for drop in drops if drop.rows is not None]
    if drop_rows:
        yield Part(LEVELS, kind, sample_closes(drop_rows))
        staged = write_files(_staged(pl.concat([rows for _, rows in drop_rows], how="diagonal"), shape), shape, s3)
        yield Part(STAGED, kind, files_frame(staged))


def _staged(rows: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    blank = pl.DataFrame(shape.schema.empty_table())
    columns = [
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in blank.schema.items()
    ]
    return rows.select(columns).with_columns(revision=pl.lit(0, blank.schema["revision"])).sort("symbol", "session")


def read_history(
    source: Source, rules: RuleSet, task: DropTask, fetch: Callable[[], tuple[StoredObject, bytes]]
) -> Drop:
    """Read one object. Errors of the project become part of its line, which names the version that was read."""
    opened = open_drop(source, task, fetch)
    if isinstance(opened, Drop):
        return opened
    blank, body = opened
    name = DropName(task.key, task.session, source.sessions_carried(task.session))
    try:
        parsed = parse_history(source, rules, name, body, Mark(task.text_bytes, task.text_sha256))
    except CorruptDropError as error:
        return Drop(replace(blank, reason=str(error)))
    return _drop(source, blank, parsed)


@lru_cache(maxsize=16384)
def _known_at(exchange: str, delay: int, session: date) -> datetime:
    return Exchange(exchange).close(session) + timedelta(minutes=delay)


def _drop(source: Source, blank: Outcome, parsed: ParsedHistory) -> Drop:
    task, rows, rejected = blank.task, parsed.drop.rows, parsed.drop.rejected
    outcome = replace(
        blank,
        state=_state(task, parsed),
        reason=_reason(task, parsed),
        lines=parsed.drop.lines,
        rows=rows.height,
        collapsed=parsed.drop.collapsed,
        rules=dict(Counter(rejected["rule"].to_list())),
        text_bytes=parsed.mark.size,
        text_sha256=parsed.mark.sha256,
        left_rows=parsed.left,
    )
    return Drop(
        outcome,
        _stamped(source, blank, rows) if rows.height else None,
        rejected.with_columns(pl.lit(blank.drop_id).alias("drop_id"), *named(task)) if rejected.height else None,
    )


def _state(task: DropTask, parsed: ParsedHistory) -> str:
    if parsed.drop.empty:
        return DUPLICATE if task.reach else EMPTY
    return REVISED if parsed.restated else LANDED


def _reason(task: DropTask, parsed: ParsedHistory) -> str:
    if parsed.drop.empty:
        nothing = "nothing new" if task.reach else "no data lines"
        return f"{nothing} up to session {task.session}" if parsed.left else nothing
    restated = ["rows of earlier sessions differ from what was known"] if parsed.restated else []
    return "; ".join([*restated, *parsed.drop.notes])


def _stamped(source: Source, blank: Outcome, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their knowledge time: a session's own, or, where the object lacked them before, the delivery's."""
    task = blank.task
    days = rows["session"].unique().sort()
    fresh = [task.reach is None or day > task.reach for day in days]
    delay = source.knowledge.delay_minutes
    known = [
        _known_at(source.exchange, delay, day) if new else task.knowledge_time
        for day, new in zip(days, fresh, strict=True)
    ]
    instants = rows["session"].replace_strict(days, pl.Series(known, dtype=_INSTANT), return_dtype=_INSTANT)
    return rows.with_columns(instants.alias("knowledge_time"), pl.lit(blank.drop_id).alias("drop_id"))
