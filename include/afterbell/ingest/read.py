"""Reading one drop: fetch it, digest it, parse it, and pack what it held. Runs inside Spark's Arrow batches."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from afterbell.errors import AfterbellError, CorruptDropError
from afterbell.ingest.actions import corporate_actions
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.parse import DropName, ParsedDrop, parse_drop
from afterbell.ingest.plan import DUPLICATE, EMPTY, LANDED, QUARANTINED, REVISED, DropTask
from afterbell.ingest.source import Source
from afterbell.quality.rules import RuleSet
from afterbell.stores.protocols import DropStore, StoreKind

LEDGER, BARS, ACTIONS, FILINGS, SYMBOLS, REJECTS = "ledger", "bars", "actions", "filings", "symbols", "rejects"
NO_BUCKET = date(1970, 1, 1)


@dataclass(frozen=True)
class Part:
    """A piece of what a drop held, packed.

    Attributes:
        part: what it is: ``LEDGER`` (JSON) or one of the tables' names (Arrow IPC).
        bucket: the first day of the month that the rows are about, where the table is partitioned by month.
        payload: the bytes.
    """

    part: str
    bucket: date
    payload: bytes


def pack(frame: pl.DataFrame) -> bytes:
    """``frame`` as compressed Arrow IPC."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


def unpack(payload: bytes) -> pl.DataFrame:
    """The frame that ``pack`` packed."""
    return pl.read_ipc(io.BytesIO(payload))


def read_drop(source: Source, rules: RuleSet, task: DropTask, fetch: Callable[[], bytes]) -> Iterator[Part]:
    """Read one drop and yield its parts, the ledger's line among them. Errors of ours become part of that line."""
    try:
        body = fetch()
    except AfterbellError as error:
        failed = Outcome(task, "", "", QUARANTINED, reason=str(error), failure=type(error).__name__)
        yield Part(LEDGER, NO_BUCKET, failed.to_json().encode())
        return
    digest = hashlib.sha256(body).hexdigest()
    drop_id = f"{task.source}:{task.session:%Y%m%d}:{digest[:16]}"
    blank = Outcome(task, drop_id, digest, QUARANTINED)
    if task.known_sha256 == digest:
        yield _line(replace(blank, state=DUPLICATE, reason="the same bytes again"))
    elif task.refusal:
        yield _line(replace(blank, reason=task.refusal))
    else:
        try:
            parsed = parse_drop(source, rules, DropName(task.key, task.session, task.carried), body)
        except CorruptDropError as error:
            yield _line(replace(blank, reason=str(error)))
            return
        yield from _parts(source, blank, parsed)


def _line(outcome: Outcome) -> Part:
    return Part(LEDGER, NO_BUCKET, outcome.to_json().encode())


def _parts(source: Source, blank: Outcome, parsed: ParsedDrop) -> Iterator[Part]:
    task = blank.task
    stamp = [
        pl.lit(task.knowledge_time).cast(pl.Datetime("us", "UTC")).alias("knowledge_time"),
        pl.lit(blank.drop_id).alias("drop_id"),
        pl.lit(task.late).alias("late"),
    ]
    parts = list(_accepted(source, task, parsed.rows, stamp)) if parsed.rows.height else []
    if parsed.rejected.height:
        named = {"source": task.source, "key": task.key, "session": task.session}
        rejects = parsed.rejected.with_columns(*stamp, **{name: pl.lit(value) for name, value in named.items()})
        parts.append(Part(REJECTS, NO_BUCKET, pack(rejects)))
    sessions = parsed.rows["session"].unique().sort().to_list() if source.kind == "bars" else []
    counts = parsed.rejected.group_by("rule").len()
    yield _line(
        replace(
            blank,
            state=EMPTY if parsed.empty else REVISED if task.known_sha256 else LANDED,
            reason="no data lines" if parsed.empty else "late" if task.late else "",
            lines=parsed.lines,
            rows=parsed.rows.height,
            collapsed=parsed.collapsed,
            rules=dict(zip(counts["rule"].to_list(), counts["len"].to_list(), strict=True)),
            sessions=tuple(day.isoformat() for day in sessions),
            parts=tuple(sorted({part.part for part in parts})),
        )
    )
    yield from parts


def _accepted(source: Source, task: DropTask, accepted: pl.DataFrame, stamp: list[pl.Expr]) -> Iterator[Part]:
    rows = accepted.with_columns(*stamp)
    if source.kind == "filings":
        yield Part(FILINGS, NO_BUCKET, pack(rows))
    elif source.kind == "symbols":
        yield Part(SYMBOLS, NO_BUCKET, pack(rows.with_columns(drop_session=pl.lit(task.session))))
    else:
        for (month,), group in rows.group_by(pl.col("session").dt.truncate("1mo")):
            if isinstance(month, date):
                yield Part(BARS, month, pack(group))
        actions = corporate_actions(accepted)
        if actions.height:
            yield Part(ACTIONS, NO_BUCKET, pack(actions.with_columns(*stamp)))


class Stores:
    """The stores of a task, each opened once, when it is first needed."""

    def __init__(self, opener: Callable[[StoreKind], DropStore]) -> None:
        self._opener = opener
        self._open: dict[str, DropStore] = {}

    def fetch(self, task: DropTask) -> bytes:
        """The bytes of exactly the version that was listed."""
        if task.store not in self._open:
            self._open[task.store] = self._opener(task.store)
        return self._open[task.store].read(task.as_object())
