"""Which sessions of a factor set are stored, as the table's own commits tell: nothing of the table is read.

Each commit says in its summary which sessions it adds under which definition, and which there are with it in all, as
seen from the snapshot before it. So the newest commit answers, however long the history. Where another writer got in
between, those few commits are asked one by one; where a snapshot says nothing (rows were deleted, or written by hand),
nobody is believed and the caller reads the table.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from afterbell.features.grid import from_day, to_day

COVERAGE = "afterbell.coverage"


def covered(found: Any, snapshot_id: int, definition: str) -> set[date] | None:
    """The sessions stored under ``definition`` in a live table at a snapshot; None where its commits don't tell."""
    sessions: set[date] = set()
    at: int | None = snapshot_id
    while at is not None:
        snapshot = found.snapshot(at)
        if snapshot is None:  # it expired, and nobody said all
            return None
        before = snapshot.parentId()
        told = snapshot.summary().get(COVERAGE)
        if told is not None:
            said = json.loads(told)
            if said["definition"] == definition:
                if said["after"] == before:
                    return sessions | _unpack(said["all"])
                sessions |= _unpack(said["added"])
        elif not _changes_nothing(snapshot):
            return None
        at = None if before is None else int(before)
    return sessions


def coverage(definition: str, added: Collection[date], before: Iterable[date], after: int) -> str:
    """What a commit says.

    Args:
        definition: the definition's hash.
        added: the sessions that it adds.
        before: the sessions that were stored already.
        after: the snapshot in which they are.
    """
    every = set(added).union(before)
    return json.dumps({"definition": definition, "added": _pack(added), "all": _pack(every), "after": after})


def _changes_nothing(snapshot: Any) -> bool:
    """Whether the rows are those of the snapshot before: files were put together, or there were none."""
    summary = snapshot.summary()
    empty = int(summary.get("added-records") or 0) == 0 and int(summary.get("deleted-records") or 0) == 0
    return str(snapshot.operation()) == "replace" or empty


def _pack(sessions: Collection[date]) -> str:
    """A bit a day from the first session on."""
    if not sessions:
        return ""
    days = sorted(to_day(session) for session in sessions)
    bits = sum(1 << (day - days[0]) for day in days)
    body = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return f"{days[0]}:{base64.b85encode(zlib.compress(body, 9)).decode()}"


def _unpack(text: str) -> set[date]:
    if not text:
        return set()
    first, _, body = text.partition(":")
    bits = int.from_bytes(zlib.decompress(base64.b85decode(body)), "little")
    return {from_day(int(first) + at) for at in range(bits.bit_length()) if bits >> at & 1}
