"""Which sessions of a factor set are stored, from the summaries of the table's own commits: no rows are read.

Each commit records in its summary which sessions it adds under which definition, and which are stored with it in all,
as seen from the snapshot before it. So the newest commit answers, however long the history. Where another writer
committed in between, those few commits are examined one by one; where a snapshot records nothing (rows were deleted, or
written by hand), the summaries are not enough and the caller reads the table.
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
    """The part of a snapshot that is needed here.

    Attributes:
        before: the snapshot before it; None for the first.
        operation: Iceberg's name of it, such as ``append``.
        summary: its key-value pairs.
    """

    before: int | None
    operation: str
    summary: Mapping[str, str]


def covered(commit_of: Callable[[int], Commit | None], snapshot_id: int, definition: str) -> set[date] | None:
    """The sessions stored under ``definition`` at a snapshot; None where the commits don't record it.

    Args:
        commit_of: looks a snapshot up; None for one that expired.
        snapshot_id: the snapshot.
        definition: the definition's hash.
    """
    sessions: set[date] = set()
    ancestor_id: int | None = snapshot_id
    while ancestor_id is not None:
        commit = commit_of(ancestor_id)
        if commit is None:  # it expired before any commit that lists all sessions
            return None
        text = commit.summary.get(COVERAGE)
        if text is not None:
            record = json.loads(text)
            if record["definition"] == definition:
                if record["after"] == commit.before:
                    return sessions | _unpack(record["all"])
                sessions |= _unpack(record["added"])
        elif not _changes_nothing(commit):
            return None
        ancestor_id = commit.before
    return sessions


def coverage(definition: str, added: Collection[date], before: Iterable[date], after: int) -> str:
    """The text that a commit records in its summary.

    Args:
        definition: the definition's hash.
        added: the sessions that it adds.
        before: the sessions that were stored already.
        after: the snapshot in which they are.
    """
    stored = set(added).union(before)
    return json.dumps({"definition": definition, "added": _pack(added), "all": _pack(stored), "after": after})


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
    return {from_day(int(first) + offset) for offset in range(bits.bit_length()) if bits >> offset & 1}
