"""Reading one drop: fetch it, digest it, parse it, and report its outcome. Runs inside Spark's Arrow batches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from afterbell.errors import AfterbellError, CorruptDropError, ObjectMissingError, ObjectRefusedError
from afterbell.ingest.fetch import Fetch, fetch_ahead
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.parsing.checks import DropName
from afterbell.ingest.parsing.judge import ParsedDrop, judge_drops
from afterbell.ingest.parsing.parse import read_or_wait, read_waiting
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.small import Lines
from afterbell.ingest.plan import DUPLICATE, EMPTY, LANDED, QUARANTINED, REVISED, UNREADABLE, DropTask
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source
from afterbell.stores.protocols import StoredObject

_TOGETHER = 500_000
"""Lines of drops that are judged together: a month of a whole market, some 50 MB."""
_LINE = 60
"""Bytes of a line, about."""


@dataclass(frozen=True)
class Drop:
    """One drop, read.

    Attributes:
        outcome: its line of the ledger.
        rows: accepted rows, with ``knowledge_time`` (UTC), ``drop_id`` and ``late`` (Boolean); None for none.
        rejected: lines set aside, as rows of ``market.quarantine``; None where there are none.
        held: bars set aside for their jump, as ``rows``; None where there are none.
    """

    outcome: Outcome
    rows: pl.DataFrame | None = None
    rejected: pl.DataFrame | None = None
    held: pl.DataFrame | None = None


def read_drops(tasks: Sequence[DropTask], sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch) -> list[Drop]:
    """Read drops, in the order of ``tasks``: one is parsed while the next ones are being fetched.

    Many drops of a source are judged together, and small ones read together: a query has its price, whatever its
    size.
    """
    drops: dict[int, Drop] = {}
    waiting: dict[str, list[_Waiting]] = {}
    for number, (task, body) in enumerate(fetch_ahead(tasks, sources, fetch)):
        opened = _open_and_parse(sources[task.source][0], number, task, body)
        if isinstance(opened, Drop):
            drops[number] = opened
            continue
        batch = waiting.setdefault(task.source, [])
        batch.append(opened)
        if sum(drop.size for drop in batch) >= _TOGETHER:
            drops |= _judge_waiting(*sources[task.source], waiting.pop(task.source))
    for name, batch in waiting.items():
        drops |= _judge_waiting(*sources[name], batch)
    return [drops[number] for number in range(len(tasks))]


@dataclass(frozen=True)
class _Waiting:
    """A drop that is read, or small enough to be read with others, and not judged yet."""

    number: int
    blank: Outcome
    held: ParsedRows | Lines

    @property
    def name(self) -> DropName:
        return _name(self.blank.task)

    @property
    def size(self) -> int:
        """Lines, about."""
        return self.held.lines if isinstance(self.held, ParsedRows) else 1 + len(self.held.text.data) // _LINE


def _open_and_parse(
    source: Source, number: int, task: DropTask, fetch: Callable[[], tuple[StoredObject, bytes]]
) -> Drop | _Waiting:
    """A drop that waits to be judged together with others; the finished drop where there is nothing to judge."""
    opened = open_drop(source, task, fetch)
    if isinstance(opened, Drop):
        return opened
    blank, body = opened
    if task.known_sha256 == blank.sha256:
        return Drop(replace(blank, state=DUPLICATE, reason="the same bytes again"))
    if task.refusal:
        return Drop(replace(blank, reason=task.refusal))
    try:
        return _Waiting(number, blank, read_or_wait(source, _name(task), body))
    except CorruptDropError as error:
        return Drop(replace(blank, reason=str(error)))


def _judge_waiting(source: Source, rules: RuleSet, waiting: Sequence[_Waiting]) -> dict[int, Drop]:
    """The drops of one source, by their numbers."""
    small = [(drop, drop.held) for drop in waiting if isinstance(drop.held, Lines)]
    parsed_rows: dict[int, ParsedRows | CorruptDropError] = {
        drop.number: drop.held for drop in waiting if isinstance(drop.held, ParsedRows)
    }
    read = read_waiting(source, [(drop.name, lines) for drop, lines in small])
    parsed_rows |= {drop.number: rows for (drop, _), rows in zip(small, read, strict=True)}
    good = [(drop, rows) for drop in waiting if isinstance(rows := parsed_rows[drop.number], ParsedRows)]
    judged = judge_drops(source, rules, [(drop.name, rows) for drop, rows in good])
    drops = {drop.number: _drop_of(source, drop.blank, parsed) for (drop, _), parsed in zip(good, judged, strict=True)}
    unread = [(drop, error) for drop in waiting if isinstance(error := parsed_rows[drop.number], CorruptDropError)]
    return drops | {drop.number: _drop_of(source, drop.blank, error) for drop, error in unread}


def read_drop(source: Source, rules: RuleSet, task: DropTask, fetch: Callable[[], tuple[StoredObject, bytes]]) -> Drop:
    """Read one drop. Errors of the project become part of its line, which names the version that was read."""
    opened = _open_and_parse(source, 0, task, fetch)
    return opened if isinstance(opened, Drop) else _judge_waiting(source, rules, [opened])[0]


def open_drop(
    source: Source, task: DropTask, fetch: Callable[[], tuple[StoredObject, bytes]]
) -> Drop | tuple[Outcome, bytes]:
    """The bytes of one drop, with a blank line for it; the finished drop where its store doesn't give it."""
    try:
        stored, body = fetch()
    except AfterbellError as error:
        return Drop(_not_fetched(task, error))
    task = replace(task, size=stored.size, version=stored.version)
    digest = hashlib.sha256(body).hexdigest()
    drop_id = f"{task.source}:{task.session:%Y%m%d}:{_name_of(source, task, digest)}"
    return Outcome(task, drop_id, digest, QUARANTINED), body


def _name(task: DropTask) -> DropName:
    return DropName(task.key, task.session, task.carried)


def _drop_of(source: Source, blank: Outcome, parsed: ParsedDrop | CorruptDropError) -> Drop:
    if isinstance(parsed, CorruptDropError):
        return Drop(replace(blank, reason=str(parsed)))
    return _drop(source, blank, parsed)


def _name_of(source: Source, task: DropTask, digest: str) -> str:
    """What distinguishes the drops of a session: their bytes; the key too, where equal bytes can be of two symbols."""
    named = hashlib.sha256(f"{task.key}\0{digest}".encode()).hexdigest() if source.symbol_in_key else digest
    return named[:16]


def _not_fetched(task: DropTask, error: AfterbellError) -> Outcome:
    """The line of a drop that its store didn't give."""
    failure = type(error).__name__
    match error:
        case CorruptDropError():  # too large to be fetched at all: its version stands for its bytes
            name = hashlib.sha256(task.version.encode()).hexdigest()[:16]
            drop_id = f"{task.source}:{task.session:%Y%m%d}:{name}"
            return Outcome(task, drop_id, "", QUARANTINED, reason=str(error))
        case ObjectRefusedError():  # this object is refused, not whoever reads it: the others can be read
            return Outcome(task, "", "", UNREADABLE, reason=error.reason, failure=failure)
        case ObjectMissingError():  # removed since it was listed
            return Outcome(task, "", "", UNREADABLE, reason=str(error), failure=failure)
        case _:
            return Outcome(task, "", "", QUARANTINED, reason=str(error), failure=failure)


def _drop(source: Source, blank: Outcome, parsed: ParsedDrop) -> Drop:
    task, rows, rejected = blank.task, parsed.rows, parsed.rejected
    sessions = rows["session"].unique().sort().to_list() if "session" in rows.columns else []
    outcome = replace(
        blank,
        state=EMPTY if parsed.empty else REVISED if task.known_sha256 else LANDED,
        reason="no data lines" if parsed.empty else "; ".join([*(["late"] if task.late else []), *parsed.notes]),
        lines=parsed.lines,
        rows=rows.height,
        collapsed=parsed.collapsed,
        rules=dict(Counter(rejected["rule"].to_list())),
        sessions=tuple(day.isoformat() for day in sessions),
        compared=_compared(rows, sessions) if _shows_actions(source) else None,
    )
    return Drop(
        outcome,
        rows.with_columns(*_stamp(blank)) if rows.height else None,
        rejected.with_columns(pl.lit(blank.drop_id).alias("drop_id"), *named(task)) if rejected.height else None,
        None if parsed.held is None else parsed.held.with_columns(*_stamp(blank)),
    )


def _shows_actions(source: Source) -> bool:
    """Whether a drop of the source has two sessions, with an adjusted close of the earlier one."""
    columns = {column.name for column in source.columns.values()}
    return source.kind == "bars" and "previous" in source.carries and "adj_close" in columns


def _compared(rows: pl.DataFrame, sessions: list[date]) -> int:
    """How many symbols have bars of both sessions."""
    if len(sessions) != 2:
        return 0
    return rows.height - rows["symbol"].n_unique()


def _stamp(blank: Outcome) -> list[pl.Expr]:
    return [
        pl.lit(blank.task.knowledge_time).cast(pl.Datetime("us", "UTC")).alias("knowledge_time"),
        pl.lit(blank.drop_id).alias("drop_id"),
        pl.lit(blank.task.late).alias("late"),
    ]


def named(task: DropTask) -> list[pl.Expr]:
    """The columns of ``market.quarantine`` that say which drop a line is of."""
    names = {"source": task.source, "key": task.key, "session": task.session}
    return [pl.lit(value).alias(name) for name, value in names.items()]
