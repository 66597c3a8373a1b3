"""Takes the inventory of a range, without Spark: listings, the ledger, stored features, past runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any, TypedDict, TypeVar

from pyiceberg import expressions as ice

from afterbell.backfill.documents import BackfillPlan
from afterbell.backfill.plan import Inventory, NewDrop, StoredSet, make_plan
from afterbell.backfill.request import BackfillRequest, chunks_of
from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, StoreConfigError
from afterbell.features.due import due, first_known
from afterbell.features.sets import factor_set
from afterbell.features.status import stored_sessions
from afterbell.ingest.plan import USABLE
from afterbell.lake.reader import scan
from afterbell.lake.tables import BARS, DROPS, RUNS
from afterbell.sources.arrival import complete
from afterbell.sources.source import Source, load_sources
from afterbell.stores.factory import drop_store
from afterbell.stores.protocols import StoredObject
from afterbell.training.spec import load_spec


class LedgerRow(TypedDict):
    """A drop in the ledger, ``raw.drops``; of the columns that a plan needs."""

    source: str
    store: str
    key: str
    version: str
    size: int | None
    rows: int | None
    session: date
    state: str


class RunRow(TypedDict):
    """A step of a past run, of ``ops.runs``; likewise."""

    run_id: str
    session: date
    step: str
    seconds: float | None
    rows: int | None
    snapshots_out: str | None


Row = TypeVar("Row", LedgerRow, RunRow)


def survey(runtime: Runtime, request: BackfillRequest, exchange: Exchange, now: datetime) -> BackfillPlan:
    """Look at everything that decides what a backfill has to do, and plan it.

    Args:
        runtime: the stores and the lake; a lake that nothing was ever written to is an empty one.
        request: what is to be filled.
        exchange: whose sessions are filled.
        now: when, with its zone.

    Raises:
        StoreUnavailableError: a store did not answer.
    """
    chunks = chunks_of(request, exchange)
    first, last = chunks[0].first, chunks[-1].last
    names = request.factor_sets or load_spec().feature_sets
    sets = [_stored_set(runtime, str(name)) for name in names] if "features" in request.steps else []
    drops, delivered, rows_a_byte = _new_drops(runtime, request, exchange, now)
    inventory = Inventory(
        drops=drops,
        delivered=delivered,
        rows_a_byte=rows_a_byte,
        sets=sets,
        due=_due(runtime, exchange, first, last) if sets else {},
        pace=_pace(_rows(runtime, RUNS.name, RunRow)),
    )
    newest = max((day for stored_set in sets for day in stored_set.stored), default=last)
    return make_plan(request, chunks, inventory, exchange.between(first, max(last, newest)), now)


def _stored_set(runtime: Runtime, name: str) -> StoredSet:
    factors = factor_set(name)
    try:
        stored = frozenset(stored_sessions(runtime, factors))
    except StoreConfigError:
        stored = frozenset()
    return StoredSet(name, factors.definition_hash, len(factors.names), factors.depth, stored)


def _new_drops(
    runtime: Runtime, request: BackfillRequest, exchange: Exchange, now: datetime
) -> tuple[list[NewDrop], set[date], dict[str, float]]:
    """The drops to ingest, sessions that all required sources delivered, and rows in a byte by source."""
    if "ingest" not in request.steps:
        return [], set(), {}
    sources = load_sources()
    ledger = _rows(runtime, DROPS.name, LedgerRow)
    with ThreadPoolExecutor(len(sources)) as pool:
        listings = list(pool.map(lambda source: _listing(runtime, source, now), sources))
    sessions = set(exchange.between(request.first, request.last))
    new: list[NewDrop] = []
    delivered = set(sessions)
    for source, listing in zip(sources, listings, strict=True):
        recorded = [row for row in ledger if row["source"] == source.name]
        known = {(row["store"], row["key"], row["version"]) for row in recorded}
        named = [(day, drop) for drop in listing if (day := source.session_of(drop.key)) is not None]
        inside = [(day, drop) for day, drop in named if request.first <= day <= request.last]
        new += [
            NewDrop(source.name, day, drop.size, source.kind == "bars")
            for day, drop in inside
            if (drop.store, drop.key, drop.version) not in known
        ]
        if source.required:
            delivered &= {day for day, _ in inside} | {row["session"] for row in recorded}
    return new, delivered, _rows_a_byte(ledger)


def _listing(runtime: Runtime, source: Source, now: datetime) -> Sequence[StoredObject]:
    return complete(source, list(drop_store(source.store, runtime).list(source.prefix)), now)


def _rows_a_byte(ledger: list[LedgerRow]) -> dict[str, float]:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in ledger:
        if row["state"] in USABLE:
            totals[row["source"]][0] += row["rows"] or 0
            totals[row["source"]][1] += row["size"] or 0
    return {name: rows / size for name, (rows, size) in totals.items() if size}


def _due(runtime: Runtime, exchange: Exchange, first: date, last: date) -> dict[date, int]:
    since: Any = ice.GreaterThanOrEqual
    until: Any = ice.LessThanOrEqual
    where = ice.And(since("session", first.isoformat()), until("session", last.isoformat()))
    try:
        known = first_known(scan(runtime, BARS.name, ("session", "knowledge_time"), where))
    except (ConfigError, StoreConfigError):
        return {}
    sessions = set(exchange.between(first, last))
    return due({day: times for day, times in known.items() if day in sessions}, exchange)


def _rows(runtime: Runtime, table: str, kind: type[Row]) -> list[Row]:
    """The rows of a table with the columns that ``kind`` names; none where nothing was ever written there."""
    try:
        rows: list[Row] = scan(runtime, table, tuple(kind.__annotations__)).to_pylist()
    except (ConfigError, StoreConfigError):
        return []
    return rows


def _pace(runs: list[RunRow]) -> dict[str, float]:
    """Seconds a row, of those past runs that had the most rows: a small run mostly shows what starting costs."""
    totals: dict[str, dict[tuple[str, date], list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for row in runs:
        for name in _recorded_names(row):
            total = totals[name][row["run_id"], row["session"]]
            total[0] += row["seconds"] or 0.0
            total[1] += row["rows"] or 0
    return {name: pace for name, by_run in totals.items() if (pace := _pace_of_large_runs(by_run.values())) is not None}


def _recorded_names(row: RunRow) -> list[str]:
    if row["step"] in {"ingest", "validate"}:
        return ["ingest"]
    if row["step"] != "features":
        return []
    return [table.removeprefix("features.") for table in json.loads(row["snapshots_out"] or "{}")]


def _pace_of_large_runs(runs: Iterable[list[float]]) -> float | None:
    some = [(seconds, rows) for seconds, rows in runs if rows]
    if not some:
        return None
    most = max(rows for _, rows in some)
    large = [(seconds, rows) for seconds, rows in some if 2 * rows >= most]
    return sum(seconds for seconds, _ in large) / sum(rows for _, rows in large)
