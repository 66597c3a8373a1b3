"""Makes the plan of a backfill from an inventory of the stores and the lake; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from afterbell.backfill.documents import BackfillPlan, ChunkPlan, Estimate, IngestPlan, SetPlan
from afterbell.backfill.request import BackfillRequest, Chunk

START_SECONDS = 10.0
"""What starting Spark costs a step."""
ASSUMED_INGEST = 2e-5
ASSUMED_FACTOR = 2e-7
"""Seconds a row delivered, and a factor of a row, on two cores: what is expected until a run has been recorded."""
ASSUMED_ROWS = 0.08
"""Rows in a byte of a compressed drop, where the ledger is empty."""


@dataclass(frozen=True)
class NewDrop:
    """An object that the ledger doesn't know.

    Attributes:
        source: its source.
        session: the day it is named after.
        size: bytes.
        bars: whether its source delivers bars.
    """

    source: str
    session: date
    size: int
    bars: bool


@dataclass(frozen=True)
class StoredSet:
    """A factor set as the lake has it.

    Attributes:
        name: the set.
        definition: the hash of what it means now.
        factors: how many.
        depth: sessions before its own that a row may look at.
        stored: all sessions stored under that definition.
    """

    name: str
    definition: str
    factors: int
    depth: int
    stored: frozenset[date]


@dataclass(frozen=True)
class Inventory:
    """The inventory of the stores and the lake for the range.

    Attributes:
        drops: in the range, that the ledger doesn't know.
        delivered: sessions of the range that every required source has a drop of, listed or known.
        rows_a_byte: by source, as recorded in the ledger.
        sets: the requested ones.
        due: sessions of the range that features can be computed for from the bars that are there, with their bars.
        pace: seconds a row of past runs, by ``ingest`` or the name of a factor set.
    """

    drops: Sequence[NewDrop] = ()
    delivered: Collection[date] = ()
    rows_a_byte: Mapping[str, float] = field(default_factory=dict)
    sets: Sequence[StoredSet] = ()
    due: Mapping[date, int] = field(default_factory=dict)
    pace: Mapping[str, float] = field(default_factory=dict)


def make_plan(
    request: BackfillRequest, chunks: Sequence[Chunk], inventory: Inventory, calendar: Sequence[date], now: datetime
) -> BackfillPlan:
    """The plan of a request.

    Args:
        request: what is to be filled.
        chunks: of the request.
        inventory: what the stores and the lake have; drops only if they are to be ingested, sets only if they are to be
            computed.
        calendar: sessions of the exchange, ascending, from the first of the range on to the last that is stored.
        now: when.
    """
    sessions = [day for chunk in chunks for day in chunk.sessions]
    filling = {drop.session for drop in inventory.drops if drop.bars}
    missing = {
        stored_set.name: _missing_sessions(stored_set, inventory, sessions, filling) for stored_set in inventory.sets
    }
    ingest = _plan_ingest(inventory, sessions) if "ingest" in request.steps else None
    bars = _bars_a_session(inventory, filling)
    sets = tuple(
        SetPlan(
            name=stored_set.name,
            definition=stored_set.definition,
            sessions=len(missing[stored_set.name]),
            stored=len(stored_set.stored & set(sessions)),
            rows=(rows := sum(inventory.due.get(day, bars) for day in missing[stored_set.name])),
            stale=_stale_sessions(stored_set, filling, calendar),
            time=_estimate_time(inventory, stored_set.name, rows, ASSUMED_FACTOR * stored_set.factors),
        )
        for stored_set in inventory.sets
    )
    planned = tuple(_plan_chunk(chunk, inventory, missing) for chunk in chunks)
    plan = BackfillPlan(
        backfill_id=request.backfill_id,
        made_at=now,
        sessions=len(sessions),
        chunks=planned,
        ingest=ingest,
        features=sets,
        seconds=0.0,
    )
    starts = sum(START_SECONDS for count in plan.todo().values() if count)
    parts = [set_plan.time.seconds for set_plan in sets] + ([ingest.time.seconds] if ingest else [])
    return plan.model_copy(update={"seconds": round(starts + sum(parts), 1)})


def _plan_ingest(inventory: Inventory, sessions: Sequence[date]) -> IngestPlan:
    rows = round(sum(drop.size * inventory.rows_a_byte.get(drop.source, ASSUMED_ROWS) for drop in inventory.drops))
    return IngestPlan(
        sessions=len({drop.session for drop in inventory.drops} & set(sessions)),
        objects=len(inventory.drops),
        bytes=sum(drop.size for drop in inventory.drops),
        rows=rows,
        missing=tuple(day for day in sessions if day not in inventory.delivered),
        time=_estimate_time(inventory, "ingest", rows, ASSUMED_INGEST),
    )


def _estimate_time(inventory: Inventory, name: str, rows: int, assumed: float) -> Estimate:
    pace = inventory.pace.get(name)
    return Estimate(
        seconds=round(rows * (assumed if pace is None else pace), 1),
        basis="assumed" if pace is None else "past runs",
    )


def _missing_sessions(
    stored_set: StoredSet, inventory: Inventory, sessions: Sequence[date], filling: Collection[date]
) -> list[date]:
    """The sessions to compute: those that can be computed now, or once their drops are ingested."""
    return [day for day in sessions if day not in stored_set.stored and (day in inventory.due or day in filling)]


def _bars_a_session(inventory: Inventory, filling: Collection[date]) -> int:
    """Bars of a session whose drop isn't ingested yet: as many as others have, or as its drop may hold."""
    if inventory.due:
        return round(sum(inventory.due.values()) / len(inventory.due))
    held = sum(
        drop.size * inventory.rows_a_byte.get(drop.source, ASSUMED_ROWS) for drop in inventory.drops if drop.bars
    )
    return round(held / 2 / len(filling)) if filling else 0  # a drop carries the session before, too


def _stale_sessions(stored_set: StoredSet, filling: Collection[date], calendar: Sequence[date]) -> tuple[date, ...]:
    """Stored sessions that look back at one whose drops are ingested only now."""
    positions = {day: index for index, day in enumerate(calendar)}
    new = sorted(positions[day] for day in filling if day in positions)
    stale = []
    for day in sorted(stored_set.stored):
        position = positions.get(day, -1)
        before = bisect_right(new, position)
        if before and position - new[before - 1] <= stored_set.depth:
            stale.append(day)
    return tuple(stale)


def _plan_chunk(chunk: Chunk, inventory: Inventory, missing: Mapping[str, Sequence[date]]) -> ChunkPlan:
    drops = [drop for drop in inventory.drops if chunk.first <= drop.session <= chunk.last]
    counts = {name: sum(chunk.first <= day <= chunk.last for day in days) for name, days in missing.items()}
    return ChunkPlan(
        number=chunk.number,
        first=chunk.first,
        last=chunk.last,
        objects=len(drops),
        bytes=sum(drop.size for drop in drops),
        features={name: count for name, count in counts.items() if count},
    )
