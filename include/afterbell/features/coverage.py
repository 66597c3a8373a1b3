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
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from afterbell.features.grid import from_day, to_day

COVERAGE = "afterbell.coverage"
_CHANGES = ("added-records", "deleted-records", "added-delete-files")


@dataclass(frozen=True)
class Commit:
    """What is asked of a snapshot.

    Attributes:
        before: the snapshot before it; None for the first.
        operation: Iceberg's word for it, such as ``append``.
        summary: what it says.
    """

    before: int | None
    operation: str
    summary: Mapping[str, str]


def covered(commit_of: Callable[[int], Commit | None], snapshot_id: int, definition: str) -> set[date] | None:
    """The sessions stored under ``definition`` at a snapshot; None where the commits don't tell.

    Args:
        commit_of: looks a snapshot up; None for one that expired.
        snapshot_id: the snapshot.
        definition: the definition's hash.
    """
    sessions: set[date] = set()
    at: int | None = snapshot_id
    while at is not None:
        commit = commit_of(at)
        if commit is None:  # it expired, and nobody said all
            return None
        told = commit.summary.get(COVERAGE)
        if told is not None:
            said = json.loads(told)
            if said["definition"] == definition:
                if said["after"] == commit.before:
                    return sessions | _unpack(said["all"])
                sessions |= _unpack(said["added"])
        elif not _changes_nothing(commit):
            return None
        at = commit.before
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


def _changes_nothing(commit: Commit) -> bool:
    """Whether the rows are those of the snapshot before: files were put together, or there were none."""
    counts = [int(commit.summary.get(name) or 0) for name in _CHANGES]
    return commit.operation == "replace" or not any(counts)


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
