"""Timings of the runs of the last sessions, read from the results of their steps in the artifact store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Protocol, TypeVar

from afterbell.errors import ConfigError, ObjectTooLargeError
from afterbell.run.contracts.base import Result
from afterbell.run.steps import EXPERIMENT_RUNS, STEPS
from afterbell.sla.budgets import Run, Timing
from afterbell.stores.protocols import StoredObject

_READERS = 8
_RUNS = 3
"""Most runs of one session that count: a session that is tried out fifty times is not fifty nights."""
_OTHERS = ("backfill", EXPERIMENT_RUNS)
_STARTS = datetime.min.replace(tzinfo=UTC)
Item = TypeVar("Item")
Output = TypeVar("Output")


class TimedResult(Result):
    """The fields of a step's result that budgets are learned from: when it worked, and whether it did all its work."""

    noop: bool = False
    held: str = ""
    left_out: tuple[str, ...] = ()


class BudgetDocuments(Protocol):
    """The part of the artifact store that is needed here."""

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """All objects below ``prefix``."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes of ``key``."""
        ...


def read_runs(store: BudgetDocuments, sessions: Iterable[date]) -> list[Run]:
    """The timings of the newest runs of ``sessions``, those of backfills and experiments left out.

    One listing a session and one read a result: what older sessions left behind costs nothing.

    Raises:
        AfterbellError: the store did not answer, or refused.
    """
    listed = _at_once(lambda session: store.list(f"runs/{session.isoformat()}/"), sessions)
    runs = [keys for objects in listed for keys in _newest(objects)]
    flat = [key for keys in runs for key in keys]
    timings = dict(zip(flat, _at_once(lambda key: _read_timing(store, key), flat), strict=True))
    return [{_step(key): timing for key in keys if (timing := timings[key])} for keys in runs]


def _at_once(action: Callable[[Item], Output], items: Iterable[Item]) -> list[Output]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(action, items))


def _step(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _newest(objects: Sequence[StoredObject]) -> list[list[str]]:
    """The keys of the results of the newest runs of a session, a list a run."""
    runs: dict[str, list[StoredObject]] = {}
    for stored in objects:
        _, _, run, *rest = stored.key.split("/")
        if len(rest) == 1 and _step(stored.key) in STEPS and not run.startswith(_OTHERS):
            runs.setdefault(run, []).append(stored)
    newest = sorted(runs.values(), key=lambda own: max(stored.modified or _STARTS for stored in own), reverse=True)
    return [[stored.key for stored in own] for own in newest[:_RUNS]]


def _read_timing(store: BudgetDocuments, key: str) -> Timing | None:
    try:
        return _timing(store.get(key))
    except ObjectTooLargeError:
        return None


def _timing(body: bytes) -> Timing | None:
    """None for a document without timings: budgets are learned from the others."""
    try:
        result = TimedResult.read(body)
    except ConfigError:
        return None
    if result.started_at is None or result.finished_at is None:
        return None
    # A training that left something out is no measure of a whole one.
    part = bool(result.noop or result.held or result.left_out)
    return Timing(result.started_at.astimezone(UTC), result.finished_at.astimezone(UTC), part)
