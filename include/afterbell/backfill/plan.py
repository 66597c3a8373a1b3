"""What a backfill has to do, worked out from what the stores and the lake were found to have; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from afterbell.backfill.documents import ChunkPlan, Estimate, IngestPlan, Plan, SetPlan
from afterbell.backfill.request import Chunk, Request

START_SECONDS = 10.0
"""What starting Spark costs a step."""
ASSUMED_INGEST = 2e-5
ASSUMED_FACTOR = 2e-7
"""Seconds a row delivered, and a factor of a row, on two cores: what is expected where no run has told yet."""
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
class SetFound:
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
class Found:
    """What there is.

    Attributes:
        drops: in the range, that the ledger doesn't know.
        delivered: sessions of the range that every required source has a drop of, listed or known.
        rows_a_byte: by source, as the ledger tells.
        sets: those asked for.
        due: sessions of the range that features can be computed for from the bars that are there, with their bars.
        pace: seconds a row of past runs, by ``ingest`` or the name of a factor set.
    """

    drops: Sequence[NewDrop] = ()
    delivered: Collection[date] = ()
    rows_a_byte: Mapping[str, float] = field(default_factory=dict)
    sets: Sequence[SetFound] = ()
    due: Mapping[date, int] = field(default_factory=dict)
    pace: Mapping[str, float] = field(default_factory=dict)


def make_plan(request: Request, chunks: Sequence[Chunk], found: Found, calendar: Sequence[date], now: datetime) -> Plan:
    """The plan of a request.

    Args:
        request: what is asked for.
        chunks: of the request.
        found: what there is; drops only where they are to be taken in, sets only where they are to be computed.
        calendar: sessions of the exchange, ascending, from the first of the range on to the last that is stored.
        now: when.
    """
    sessions = [day for chunk in chunks for day in chunk.sessions]
    filling = {drop.session for drop in found.drops if drop.bars}
    lacking = {one.name: _lacking(one, found, sessions, filling) for one in found.sets}
    ingest = _ingest(found, sessions) if "ingest" in request.steps else None
    bars = _bars_a_session(found, filling)
    sets = tuple(
        SetPlan(
            name=one.name,
            definition=one.definition,
            sessions=len(lacking[one.name]),
            stored=len(one.stored & set(sessions)),
            rows=(rows := sum(found.due.get(day, bars) for day in lacking[one.name])),
            stale=_stale(one, filling, calendar),
            time=_time(found, one.name, rows, ASSUMED_FACTOR * one.factors),
        )
        for one in found.sets
    )
    planned = tuple(_chunk(chunk, found, lacking) for chunk in chunks)
    plan = Plan(
        backfill_id=request.backfill_id,
        made_at=now,
        sessions=len(sessions),
        chunks=planned,
        ingest=ingest,
        features=sets,
        seconds=0.0,
    )
    starts = sum(START_SECONDS for count in plan.todo().values() if count)
    parts = [one.time.seconds for one in sets] + ([ingest.time.seconds] if ingest else [])
    return plan.model_copy(update={"seconds": round(starts + sum(parts), 1)})


def _ingest(found: Found, sessions: Sequence[date]) -> IngestPlan:
    rows = round(sum(drop.size * found.rows_a_byte.get(drop.source, ASSUMED_ROWS) for drop in found.drops))
    return IngestPlan(
        sessions=len({drop.session for drop in found.drops} & set(sessions)),
        objects=len(found.drops),
        bytes=sum(drop.size for drop in found.drops),
        rows=rows,
        missing=tuple(day for day in sessions if day not in found.delivered),
        time=_time(found, "ingest", rows, ASSUMED_INGEST),
    )


def _time(found: Found, name: str, rows: int, assumed: float) -> Estimate:
    pace = found.pace.get(name)
    return Estimate(
        seconds=round(rows * (assumed if pace is None else pace), 1),
        basis="assumed" if pace is None else "past runs",
    )


def _lacking(one: SetFound, found: Found, sessions: Sequence[date], filling: Collection[date]) -> list[date]:
    """The sessions to compute: those that can be now, or once their drops are taken in."""
    return [day for day in sessions if day not in one.stored and (day in found.due or day in filling)]


def _bars_a_session(found: Found, filling: Collection[date]) -> int:
    """Bars of a session whose drop isn't taken in yet: as many as others have, or as its drop may hold."""
    if found.due:
        return round(sum(found.due.values()) / len(found.due))
    held = sum(drop.size * found.rows_a_byte.get(drop.source, ASSUMED_ROWS) for drop in found.drops if drop.bars)
    return round(held / 2 / len(filling)) if filling else 0  # a drop carries the session before, too


def _stale(one: SetFound, filling: Collection[date], calendar: Sequence[date]) -> tuple[date, ...]:
    """Stored sessions that look back at one whose drops are taken in only now."""
    place = {day: index for index, day in enumerate(calendar)}
    new = sorted(place[day] for day in filling if day in place)
    found = []
    for day in sorted(one.stored):
        at = place.get(day, -1)
        before = bisect_right(new, at)
        if before and at - new[before - 1] <= one.depth:
            found.append(day)
    return tuple(found)


def _chunk(chunk: Chunk, found: Found, lacking: Mapping[str, Sequence[date]]) -> ChunkPlan:
    drops = [drop for drop in found.drops if chunk.first <= drop.session <= chunk.last]
    counts = {name: sum(chunk.first <= day <= chunk.last for day in days) for name, days in lacking.items()}
    return ChunkPlan(
        number=chunk.number,
        first=chunk.first,
        last=chunk.last,
        objects=len(drops),
        bytes=sum(drop.size for drop in drops),
        features={name: count for name, count in counts.items() if count},
    )
