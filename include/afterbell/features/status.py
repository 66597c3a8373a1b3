"""What is stored of a factor set and what is missing, read from the lake without Spark."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date

import polars as pl
import pyarrow as pa

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError
from afterbell.features.coverage import Commit, covered
from afterbell.features.due import due, first_known
from afterbell.features.factors import FactorSet
from afterbell.features.holes import plan_holes
from afterbell.lake.reader import history, open_catalog, scan, table_names
from afterbell.lake.tables import BARS, DROPS
from afterbell.lake.unseen import LEDGER, crossed, unseen_sessions

LONGEST = 260
"""Sessions before the first one with rows that are examined: the deepest set looks back less."""


@dataclass(frozen=True)
class Status:
    """A factor set in the lake.

    Attributes:
        set: its name.
        factors: how many.
        definition: the hash of what it means now.
        stored: sessions stored under that definition.
        missing: sessions that the bars could fill; with their first and last, and how many sessions would be read.
        rows: about how many rows that makes.
        ranges: the sessions to read, first and last of each range.
        unseen: sessions about whose corporate actions the vendor showed nothing.
        crossing: sessions whose rows look back across one of those, stored or missing.
    """

    set: str
    factors: int
    definition: str
    stored: int
    missing: int
    first: date | None = None
    last: date | None = None
    read: int = 0
    rows: int = 0
    ranges: tuple[tuple[date, date], ...] = ()
    unseen: tuple[date, ...] = ()
    crossing: tuple[date, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The same for a program."""
        return asdict(self)


def bars_due(runtime: Runtime, exchange: Exchange, last: date | None) -> dict[date, int]:
    """Sessions up to ``last`` with a bar that was known at their cut-off, ascending, and how many bars each has."""
    rows = scan(runtime, BARS.name, ("session", "knowledge_time"))
    known = first_known(rows)
    in_range = {day: bars for day, bars in known.items() if (last is None or day <= last) and exchange.is_session(day)}
    return due(in_range, exchange)


def unseen_of(runtime: Runtime, exchange: Exchange, sessions: Collection[date]) -> frozenset[date]:
    """Sessions without evidence of corporate actions, of any source, from well before ``sessions`` to the last one."""
    if not sessions or DROPS.name not in table_names(open_catalog(runtime)):
        return frozenset()
    ledger = pl.DataFrame(scan(runtime, DROPS.name))
    if not set(LEDGER) <= set(ledger.columns):  # an older lake doesn't record it
        return frozenset()
    calendar = [*exchange.before(min(sessions), LONGEST), *exchange.between(min(sessions), max(sessions))]
    return frozenset(day for days in unseen_sessions(ledger, calendar).values() for day in days)


def crossing(
    factors: FactorSet, exchange: Exchange, sessions: Collection[date], unseen: Collection[date]
) -> list[date]:
    """The sessions whose rows of a set look back across one of ``unseen``, ascending."""
    if not sessions or not unseen:
        return []
    first, last = min(sessions), max(sessions)
    calendar = [*exchange.before(first, factors.depth), *exchange.between(first, last)]
    flags = crossed(calendar, unseen, factors.depth)
    return [day for day, crosses in zip(calendar, flags, strict=True) if crosses and day in sessions]


def status(
    runtime: Runtime,
    factors: FactorSet,
    exchange: Exchange,
    fillable: dict[date, int],
    unseen: frozenset[date] = frozenset(),
) -> Status:
    """The state of a set.

    Args:
        runtime: where the lake is.
        factors: the set.
        exchange: whose sessions are counted.
        fillable: from ``bars_due``.
        unseen: from ``unseen_of``.
    """
    stored = stored_sessions(runtime, factors)
    current = Status(
        factors.name,
        len(factors.names),
        factors.definition_hash,
        len(stored),
        0,
        unseen=tuple(sorted(unseen)),
        crossing=tuple(crossing(factors, exchange, {*stored, *fillable}, unseen)),
    )
    missing = {session: rows for session, rows in fillable.items() if session not in stored}
    if not missing:
        return current
    first, last = min(missing), max(missing)
    calendar = [*exchange.before(first, factors.depth), *exchange.between(first, last)]
    plan = plan_holes(calendar, missing, (), factors.depth)
    if plan is None:
        return current
    return replace(
        current,
        missing=len(missing),
        first=first,
        last=last,
        read=plan.read,
        rows=sum(missing.values()),
        ranges=plan.ranges,
    )


def stored_sessions(runtime: Runtime, factors: FactorSet) -> set[date]:
    """The sessions that are stored under the set's definition; none where nothing of it was ever computed.

    Raises:
        StoreConfigError: there is no lake yet.
    """
    name = f"features.{factors.name}"
    try:
        head, snapshots = history(runtime, name)
    except ConfigError:
        return set()
    if head is None:
        return set()

    def commit_of(snapshot_id: int) -> Commit | None:
        entry = snapshots.get(snapshot_id)
        if entry is None or entry.summary is None:
            return None
        return Commit(entry.parent_snapshot_id, str(entry.summary.operation.value), entry.summary.additional_properties)

    sessions = covered(commit_of, head, factors.definition_hash)
    if sessions is not None:
        return sessions
    rows = scan(runtime, name, ("session", "definition_hash"))
    own = rows.filter(pa.compute.equal(rows["definition_hash"], factors.definition_hash))
    return set(pa.compute.unique(own["session"]).to_pylist())
