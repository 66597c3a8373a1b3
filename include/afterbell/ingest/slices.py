"""How the objects of a run are shared out among Spark tasks. Pure.

Bars are numbered a bucket at a time: all rows of a month (of a session, for minute bars) in one task, which reads
every drop that may carry some, numbers the revisions and writes the file. A source says which sessions a drop may
carry, so nothing has to be shuffled: the first drop of a month is simply read twice, by the task of its own month,
which reports on it, and by that of the month before. Everything else is small and goes to the driver.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from afterbell.ingest.plan import DropTask
from afterbell.sources.source import Kind

_SMALL_DROPS = 128
"""Objects of the small kinds that one task reads: a second's work, against the tenths that starting a task costs."""


@dataclass(frozen=True)
class DropSlice:
    """The drops that one task reads.

    Attributes:
        kind: of its sources.
        bucket: the first day of the month, or the session, whose bars it numbers; None for the small kinds.
        tasks: the objects that it reads, oldest first.
        own: the numbers among ``tasks`` of those that it reports on.
        weight: bytes, as a measure of its work.
    """

    kind: Kind
    bucket: date | None
    tasks: tuple[DropTask, ...]
    own: frozenset[int] = field(default=frozenset())

    @property
    def weight(self) -> int:
        """Bytes that it reads, as a measure of its work."""
        return sum(task.size for task in self.tasks)


def bucket_of(kind: Kind, session: date) -> date:
    """The bucket of a bar: its month; its session, where the bars are minutes."""
    return session if kind == "minute_bars" else session.replace(day=1)


def with_staged(slices: Sequence[DropSlice], months: Collection[date]) -> list[DropSlice]:
    """``slices`` with one for each month whose bars are staged, too, whatever drops it reads."""
    months_with_drops = {one.bucket for one in slices if one.kind == "bars"}
    return [*slices, *(DropSlice("bars", month, ()) for month in sorted(set(months) - months_with_drops))]


def share_out(tasks: Sequence[DropTask], kinds: Mapping[str, Kind]) -> list[DropSlice]:
    """The slices of a run, those with the most work first.

    Args:
        tasks: the objects to read.
        kinds: of each source, by name.
    """
    buckets: dict[tuple[Kind, date], list[tuple[DropTask, bool]]] = {}
    small: dict[Kind, list[DropTask]] = {}
    for task in sorted(tasks, key=lambda one: (one.session, one.source, one.key)):
        kind = kinds[task.source]
        if kind not in {"bars", "minute_bars"}:
            small.setdefault(kind, []).append(task)
            continue
        mine = bucket_of(kind, task.session)
        for bucket in {mine, *(bucket_of(kind, day) for day in task.carried)}:
            buckets.setdefault((kind, bucket), []).append((task, bucket == mine))
    slices = [
        DropSlice(kind, bucket, tuple(task for task, _ in read), frozenset(n for n, (_, own) in enumerate(read) if own))
        for (kind, bucket), read in buckets.items()
    ]
    for kind, read in small.items():
        chunks = [tuple(read[first : first + _SMALL_DROPS]) for first in range(0, len(read), _SMALL_DROPS)]
        slices += [DropSlice(kind, None, chunk, frozenset(range(len(chunk)))) for chunk in chunks]
    return sorted(slices, key=lambda one: (-one.weight, one.kind, one.bucket or date.min))
