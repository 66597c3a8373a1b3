"""Plans which objects of a source that carries a history an ingest run reads. Pure.

Such an object is read when it is new, and when rows of it were left for a session that has come since. One that has not
changed and had nothing left is never opened again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from afterbell.ingest.plan import DUPLICATE, USABLE, DropTask, KnownDrop, SourcePlan, odd_symbol, stray
from afterbell.sources.source import Source
from afterbell.stores.protocols import StoredObject


def plan_history(
    source: Source,
    listing: Iterable[StoredObject],
    known: Sequence[KnownDrop],
    run: date,
    *,
    history: bool = False,
    filling: bool = False,
    waiting: Mapping[str, str] | None = None,
) -> SourcePlan:
    """The objects of ``source`` that may have rows up to the session ``run`` which the lake lacks.

    Args:
        source: whose objects; it carries a history.
        listing: what its store has, and is whole.
        known: the ledger.
        run: the session.
        history: as if the run had been on its own day, whatever came later.
        filling: whether a range of history is filled: then none is read, since a session's run takes in all.
        waiting: why objects that are left out of ``listing`` can't be read yet, by key.
    """
    ours = [drop for drop in known if drop.source == source.name]
    tasks, strays = [], list((waiting or {}).items())
    seen: dict[tuple[str, str], list[KnownDrop]] = {}
    for drop in ours:
        seen.setdefault((drop.store, drop.key), []).append(drop)
    newest = max([run, *(drop.session for drop in ours if drop.state in USABLE)])
    for stored in listing:
        if source.passes_over(stored.key):
            continue
        reason = stray(source, stored, named=source.is_named(stored.key)) or odd_symbol(source, stored.key)
        if reason:
            strays.append((stored.key, reason))
            continue
        earlier = seen.get((stored.store, stored.key), [])
        if not filling and _may_have_more(earlier, stored.version, run):
            # What comes after the fact was not known before.
            knowledge_time = source.knowledge_time(newest if history else run)
            tasks.append(_task(source, stored, earlier, run, knowledge_time, ours))
    return SourcePlan(tuple(tasks), tuple(strays))


def _may_have_more(earlier: Sequence[KnownDrop], version: str, run: date) -> bool:
    """Whether an object is new, or rows of it were left for sessions that have come since."""
    same = [drop for drop in earlier if drop.version == version]
    newest = max(same, key=lambda drop: drop.session, default=None)
    return newest is None or (newest.left_rows > 0 and newest.session < run)


def _task(
    source: Source,
    stored: StoredObject,
    earlier: Sequence[KnownDrop],
    run: date,
    knowledge_time: datetime,
    ours: Sequence[KnownDrop],
) -> DropTask:
    read = [drop for drop in earlier if drop.state in {*USABLE, DUPLICATE}]
    last = max(read, key=lambda drop: (drop.session, drop.text_bytes), default=None)
    return DropTask(
        source=source.name,
        store=source.store,
        key=stored.key,
        size=stored.size,
        version=stored.version,
        session=run,
        carried=(),
        knowledge_time=knowledge_time,
        known_sha256=last.sha256 if last else "",
        late=False,
        refusal="",
        # The source was read up to there, and the object with it: what it lacked then was not known then.
        reach=max(drop.session for drop in ours if drop.state in {*USABLE, DUPLICATE}) if last else None,
        text_bytes=last.text_bytes if last else 0,
        text_sha256=last.text_sha256 if last else "",
    )
