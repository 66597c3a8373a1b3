"""Plans which objects of a source an ingest run reads. Pure: it uses a listing and the ledger, and opens nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from afterbell.errors import CalendarBoundsError, MissingDropsError, NotASessionError, ObjectRefusedError
from afterbell.sources.source import Source
from afterbell.stores.keys import key_fault
from afterbell.stores.protocols import StoredObject, StoreKind

LANDED, DUPLICATE, REVISED, EMPTY, QUARANTINED = "landed", "duplicate", "revised", "empty", "quarantined"
UNREADABLE = "unreadable"
"""Of a drop that its store refused, or no longer has. The ledger has no line of it, so each run tries it again."""
STATES = (LANDED, DUPLICATE, REVISED, EMPTY, QUARANTINED)
USABLE = (LANDED, REVISED)
"""States of a drop whose rows the lake has. A duplicate is as usable as the drop it repeats, which has a line too."""


def refusal_id(source: str, store: str, key: str, version: str) -> str:
    """The id of the refusal of one version of a drop: 16 hexadecimal digits."""
    return hashlib.sha256(f"{source}\0{store}\0{key}\0{version}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class KnownDrop:
    """A line of the ledger ``raw.drops``: one version of one object.

    Of an object that carries its history also how much of its text was taken in, with the digest, and how many rows of
    later sessions were left.
    """

    source: str
    store: str
    key: str
    version: str
    sha256: str
    session: date
    state: str
    knowledge_time: datetime | None
    text_bytes: int = 0
    text_sha256: str = ""
    left_rows: int = 0


@dataclass(frozen=True)
class DropTask:
    """One object to read.

    Attributes:
        source: its source's name.
        store: ``s3`` or ``hdfs``.
        key: its key.
        size: bytes.
        version: the version that was listed; exactly this one is read.
        session: the day it is named after.
        carried: the sessions it may have rows of.
        knowledge_time: when its content is known, with the zone; None if it isn't of a session.
        known_sha256: the digest of the version the ledger has; empty where it has none.
        late: later drops of the source are known already, so its rows count only where nothing is known.
        refusal: why it is not parsed at all; empty where it is.
        reach: of an object that carries its history and was read before: up to this session its rows were known.
        text_bytes: so much of its text was taken in before.
        text_sha256: the digest of that; empty where nothing was.
    """

    source: str
    store: StoreKind
    key: str
    size: int
    version: str
    session: date
    carried: tuple[date, ...]
    knowledge_time: datetime | None
    known_sha256: str
    late: bool
    refusal: str
    reach: date | None = None
    text_bytes: int = 0
    text_sha256: str = ""

    def to_json(self) -> str:
        """The task as text."""
        return json.dumps(vars(self), default=lambda value: value.isoformat())

    @classmethod
    def from_json(cls, text: str) -> DropTask:
        """The task that ``to_json`` wrote."""
        document = json.loads(text)
        knowledge_time = document["knowledge_time"]
        return cls(
            **document
            | {
                "session": date.fromisoformat(document["session"]),
                "carried": tuple(date.fromisoformat(day) for day in document["carried"]),
                "knowledge_time": datetime.fromisoformat(knowledge_time) if knowledge_time else None,
                "reach": date.fromisoformat(document["reach"]) if document["reach"] else None,
            }
        )

    def as_object(self) -> StoredObject:
        """The object, as the listing showed it."""
        return StoredObject(self.store, self.key, self.size, self.version)


@dataclass(frozen=True)
class SourcePlan:
    """The plan of one source: the drops to read, and objects that are not drops of it, each with the reason."""

    tasks: tuple[DropTask, ...]
    strays: tuple[tuple[str, str], ...]


def plan_source(
    source: Source,
    listing: Iterable[StoredObject],
    known: Sequence[KnownDrop],
    run: date,
    since: date | None = None,
    *,
    history: bool = False,
    waiting: Mapping[str, str] | None = None,
) -> SourcePlan:
    """The drops of ``source`` up to the session ``run`` that the ledger doesn't know.

    Args:
        source: whose drops.
        listing: what its store has, and is whole.
        known: the ledger.
        run: the last session.
        since: the first session, where a range is filled: no drop of ``run`` is required. None for a session's run.
        waiting: why objects that are left out of ``listing`` can't be read yet, by key.
        history: each drop counts as known from its own day on, as if it had been taken in then, whatever came later.

    Raises:
        MissingDropsError: the source is required and there is no drop of ``run``, neither listed nor known.
        ObjectRefusedError: a drop of ``run`` itself can't be read under its name.
        CalendarBoundsError: the exchange's calendar doesn't reach a session that the drop of ``run`` itself may carry.
    """
    ours = [drop for drop in known if drop.source == source.name]
    versions = {(drop.store, drop.key, drop.version) for drop in ours}
    tasks, named, passed_over = [], [], 0
    strays = [(key, reason) for key, reason in (waiting or {}).items() if (source.session_of(key) or run) <= run]
    for stored in listing:
        if source.passes_over(stored.key):
            passed_over += 1
            continue
        session = source.session_of(stored.key)
        reason = stray(source, stored, named=session is not None)
        own = since is None and session == run
        if own and reason:
            raise ObjectRefusedError(f"the drop {stored.key} of session {run} itself cannot be used: {reason}")
        reason = reason or odd_symbol(source, stored.key)
        if session is None or reason:
            strays.append((stored.key, reason))
            continue
        named.append(session)
        inside = (since is None or since <= session) and session <= run
        if not inside or (stored.store, stored.key, stored.version) in versions:
            continue
        try:
            tasks.append(_task(source, stored, session, ours, run, history=history))
        except CalendarBoundsError as error:
            if own:
                raise
            strays.append((stored.key, f"{error}; correct its name, or move it out of {source.where}"))
    if since is None and source.required and run not in named and not any(drop.session == run for drop in ours):
        raise MissingDropsError(_no_drop_message(source, run, named, strays, passed_over))
    return SourcePlan(tuple(tasks), tuple(strays))


def stray(source: Source, stored: StoredObject, *, named: bool) -> str:
    """Why an object is not a drop of the source, whatever it holds; empty where it may be one."""
    if stored.refusal:
        return stored.refusal
    if not named:
        return f"is not named like {source.key_pattern}"
    fault = key_fault(stored.key)
    return f"can't be read under this name: {fault}; rename it" if fault else ""


def odd_symbol(source: Source, key: str) -> str:
    """Why the symbol that ``key`` names can't be one; empty where it can, or where a column says which."""
    if not source.symbol_in_key:
        return ""
    symbol = source.symbol_of(key) or ""  # a group that is optional may match nothing
    if re.fullmatch(source.symbol_pattern, symbol):
        return ""
    return f"is named after {symbol[:60]!r}; expected a symbol like {source.symbol_pattern}"


def _task(
    source: Source, stored: StoredObject, session: date, ours: list[KnownDrop], run: date, *, history: bool
) -> DropTask:
    earlier = sorted(
        (drop for drop in ours if drop.key == stored.key and drop.store == stored.store),
        key=lambda drop: drop.knowledge_time or datetime.min.replace(tzinfo=UTC),
    )
    revised = any(drop.state in USABLE for drop in earlier)
    usable = [drop.session for drop in ours if drop.state in USABLE]
    # A drop of history is of its own day, and so is not late. A new version of one that was taken in came after
    # everything that is known.
    later_known = not history and any(day > session for day in usable)
    newest = max([run, *usable]) if history else run
    # A further part of a session that was run already.
    joins = not history and session in usable
    refusal, knowledge_time = "", None
    carried: tuple[date, ...] = ()
    try:
        carried = source.sessions_carried(session)
        # What comes after the fact was not known before: it must not change what earlier sessions saw.
        knowledge_time = source.knowledge_time(newest if revised or later_known or joins else session)
    except NotASessionError as error:
        refusal = str(error)
    return DropTask(
        source=source.name,
        store=source.store,
        key=stored.key,
        size=stored.size,
        version=stored.version,
        session=session,
        carried=carried,
        knowledge_time=knowledge_time,
        known_sha256=earlier[-1].sha256 if earlier else "",
        late=later_known and not revised,
        refusal=refusal,
    )


def _no_drop_message(
    source: Source, run: date, named: list[date], strays: list[tuple[str, str]], passed_over: int
) -> str:
    other_drops = f"{len(named)} drops, of {min(named)} to {max(named)}" if named else "no drop at all"
    # A drop under a name with a typo, or in a folder that can't be looked at, is among these.
    shown = sorted(strays, key=lambda stray: source.session_of(stray[0]) != run)[:1]
    aside = "".join(f" Set aside: {len(strays)} other objects, such as {key} ({reason})." for key, reason in shown)
    if passed_over:
        aside += f" Left alone by include and exclude: {passed_over} objects."
    return (
        f"source {source.name}: no drop of session {run} in {source.where}; looked for keys like "
        f"{source.key_pattern} and found {other_drops}. Check that the vendor has delivered, and the prefix in "
        f"include/config/sources/{source.name}.yaml.{aside}"
    )
