"""References of releases, candidates and runs in the artifact store, and which of their folders can be removed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from afterbell.errors import PermanentError
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.protocols import StoredObject

_POINTER = "champion.json"
_READERS = 8
_RELEASES, _AUDIT = "releases", "audit"
_DEPTH = {"candidates": 2, "runs": 3, "experiments": 2}  # candidates/<id>/..., runs/<session>/<run>/..., ...
_EXPERIMENTS = "experiments"
_FITS = "fits"
_SIGNALS = "signals"


@dataclass(frozen=True)
class Named:
    """Snapshots, candidates and releases that must be kept.

    Attributes:
        numbers: every whole number in a document that counts; the snapshot ids are among them.
        texts: every text in one; the candidate ids are among them.
        releases: ids of the complete releases.
        documents: how many documents were read.
    """

    numbers: frozenset[int]
    texts: frozenset[str]
    releases: frozenset[str]
    documents: int


def read_named(store: ArtifactStore, before: datetime, experiments_before: datetime | None = None) -> Named:
    """Everything that releases name, whatever their age, and candidates and runs that are not older than ``before``.

    Experiments count as a whole: while something of one was written since ``experiments_before`` (``before``, if left
    out), all of its documents count.

    Every number is taken, whatever key it stands under: a document of a later version may use another key for a
    snapshot, and a number too many only keeps a snapshot for longer.

    Raises:
        PermanentError: a document cannot be read: what it names is unknown, so nothing may be removed.
    """
    manifests = [entry.key for entry in store.list("releases/") if entry.key.endswith("/manifest.json")]
    pointer = [_POINTER] if store.exists(_POINTER) else []
    young = [
        entry.key
        for prefix in _DEPTH
        if prefix != _EXPERIMENTS
        for entry in store.list(f"{prefix}/")
        if entry.key.endswith(".json") and not _is_older(entry, before)
    ]
    for members in _folders(store, _EXPERIMENTS).values():
        if not all(_is_older(entry, experiments_before or before) for entry in members):
            young += [entry.key for entry in members if entry.key.endswith(".json")]
    keys = [*manifests, *pointer, *young]
    with ThreadPoolExecutor(_READERS) as pool:
        values = [value for leaves in pool.map(lambda key: _read_values(store, key), keys) for value in leaves]
    return Named(
        numbers=frozenset(value for value in values if isinstance(value, int)),
        texts=frozenset(value for value in values if isinstance(value, str)),
        releases=frozenset(key.split("/")[1] for key in manifests),
        documents=len(keys),
    )


def _read_values(store: ArtifactStore, key: str) -> list[int | str]:
    try:
        return list(_leaves(json.loads(store.get(key))))
    except ValueError as error:
        raise PermanentError(
            f"{store.bucket}/{key} is not JSON ({error}), so the snapshots that it names are unknown: nothing was "
            "removed. Correct or remove that object, then run the maintenance again"
        ) from error


def _leaves(value: Any) -> Iterator[int | str]:
    if isinstance(value, dict):
        yield from value
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member)
    elif isinstance(value, int):
        yield value
    elif isinstance(value, str):
        yield value
        if value.isascii() and value.isdecimal():
            yield int(value)


def _is_older(entry: StoredObject, before: datetime) -> bool:
    return entry.modified is not None and entry.modified < before


def _folders(store: ArtifactStore, prefix: str) -> dict[str, list[StoredObject]]:
    folders: defaultdict[str, list[StoredObject]] = defaultdict(list)
    depth = _DEPTH.get(prefix, 2)
    for entry in store.list(f"{prefix}/"):
        parts = entry.key.split("/")
        if len(parts) > depth:
            folders["/".join(parts[:depth])].append(entry)
    return folders


def unneeded(
    store: ArtifactStore, named: Named, before: datetime, experiments_before: datetime | None = None
) -> dict[str, list[str]]:
    """Folders of candidates, runs and experiments that nobody needs.

    Those of candidates and runs are all older than ``before``, and no release and no young run names them. An
    experiment's has nothing that was written since ``experiments_before`` (``before``, if left out): what was promoted
    of it is a release with files of its own.

    Returns:
        The keys in each, by folder.
    """
    limits = dict.fromkeys(_DEPTH, before) | {_EXPERIMENTS: experiments_before or before}
    old = {
        folder: [entry.key for entry in members]
        for prefix, limit in limits.items()
        for folder, members in sorted(_folders(store, prefix).items())
        if all(_is_older(entry, limit) for entry in members)
    }
    return {folder: keys for folder, keys in old.items() if not _in_use(store, folder, keys, named)}


def unfinished(store: ArtifactStore, named: Named, before: datetime) -> dict[str, list[str]]:
    """Folders of releases that never got a manifest: what a publish left that was killed, and never run again.

    All of their files are older than ``before``, and neither the champion's pointer nor the audit trail nor a document
    that counts names the release: one that is named had a manifest and has lost it. Its files are needed when the
    manifest is put back.

    Args:
        store: the artifact store.
        named: as ``read_named`` found it.
        before: no run that writes there can have begun earlier.

    Returns:
        The keys in each, by folder.

    Raises:
        PermanentError: an entry of the audit trail cannot be read.
    """
    old = {
        folder: [entry.key for entry in members]
        for folder, members in sorted(_folders(store, _RELEASES).items())
        if folder.split("/")[1] not in named.releases | named.texts
        and all(_is_older(entry, before) for entry in members)
    }
    if not old:
        return {}
    served = {value for entry in store.list(f"{_AUDIT}/") for value in _read_values(store, entry.key)}
    return {folder: keys for folder, keys in old.items() if folder.split("/")[1] not in served}


def unfinished_fits(store: ArtifactStore, before: datetime) -> dict[str, list[str]]:
    """Folders of fits' results whose run never removed them: it got no candidate, or lacks fits of another try.

    Args:
        store: the artifact store.
        before: all of a folder's objects are older.

    Returns:
        The keys in each, by folder.
    """
    return _old_folders(store, _FITS, before)


def old_signals(store: ArtifactStore, before: datetime) -> dict[str, list[str]]:
    """Folders of sessions whose exported signals are all older than ``before``; ``signals.daily`` keeps the rows.

    Returns:
        The keys in each, by folder.
    """
    return _old_folders(store, _SIGNALS, before)


def _old_folders(store: ArtifactStore, prefix: str, before: datetime) -> dict[str, list[str]]:
    return {
        folder: [entry.key for entry in members]
        for folder, members in sorted(_folders(store, prefix).items())
        if all(_is_older(entry, before) for entry in members)
    }


def _in_use(store: ArtifactStore, folder: str, keys: Iterable[str], named: Named) -> bool:
    if folder.startswith("candidates/"):
        return folder.split("/")[1] in named.texts
    if folder.startswith(f"{_EXPERIMENTS}/"):
        return False
    documents = (key for key in keys if key.endswith("/publish.json"))
    return any(value in named.releases for key in documents for value in _read_values(store, key))
