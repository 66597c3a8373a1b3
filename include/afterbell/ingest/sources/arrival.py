"""Which of the objects that a listing shows are whole. Pure: an object is never taken for complete by being there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from afterbell.ingest.sources.source import Source
from afterbell.stores.protocols import StoredObject


def complete(source: Source, listing: Sequence[StoredObject], now: datetime) -> list[StoredObject]:
    """The objects of ``listing`` that can be read, by the source's rule of completion.

    Args:
        source: whose objects they are.
        listing: everything below the source's prefix, markers included.
        now: the time by the store's clock, or near enough, with its zone.

    Returns:
        The complete ones, in the listing's order, without the markers. Objects that aren't named like the source's are
        left in, for whoever reports them as strays.
    """
    waiting = unfinished(source, listing, now)
    return [found for found in listing if found.key not in waiting and not _is_marker(source, found)]


def unfinished(source: Source, listing: Sequence[StoredObject], now: datetime) -> dict[str, str]:
    """Why objects of ``listing`` can't be read yet, by key; the arguments are those of ``complete``."""
    match source.completion.rule:
        case "marker":
            return _unmarked(source, listing)
        case "settled":
            return _unsettled(source, listing, now)
        case _:
            return {}


def _is_marker(source: Source, found: StoredObject) -> bool:
    suffix, shared = source.completion.suffix, source.completion.marker
    if source.completion.rule != "marker":
        return False
    return found.key.rpartition("/")[2] == shared if shared else found.key.endswith(suffix)


def _unmarked(source: Source, listing: Sequence[StoredObject]) -> dict[str, str]:
    suffix, shared = source.completion.suffix, source.completion.marker
    markers = {found.key: found for found in listing if _is_marker(source, found)}
    reasons = {}
    for found in listing:
        if found.key in markers or not source.is_named(found.key):
            continue
        key = f"{found.key.rpartition('/')[0]}/{shared}" if shared else found.key + suffix
        reason = _without(key, markers, found)
        if reason:
            reasons[found.key] = reason
    return reasons


def _without(key: str, markers: Mapping[str, StoredObject], found: StoredObject) -> str:
    """Why the marker ``key`` doesn't say that ``found`` is whole; empty where it does."""
    marker = markers.get(key)
    if marker is None:
        return f"its marker {key} is not there"
    if marker.modified is None or found.modified is None or marker.modified >= found.modified:
        return ""
    # A marker that is older than its object belongs to an earlier delivery: the new one may be under way.
    return (
        f"{found.key}, written at {_at(found.modified)}, is newer than its marker {key}, written at "
        f"{_at(marker.modified)}: write the marker after the last object"
    )


def _unsettled(source: Source, listing: Sequence[StoredObject], now: datetime) -> dict[str, str]:
    seconds = source.completion.seconds
    latest = now - timedelta(seconds=seconds)
    moving: dict[date, StoredObject] = {}
    for found in listing:
        session = source.session_of(found.key)
        if session is not None and (found.modified is None or found.modified > latest):
            moving.setdefault(session, found)
    reasons = {}
    for found in listing:
        session = source.session_of(found.key)
        if session is not None and session in moving:
            last = moving[session]
            written = "at a time that the store doesn't say" if last.modified is None else f"at {_at(last.modified)}"
            reasons[found.key] = f"{last.key} was written {written}, and must be left alone for {seconds} s"
    return reasons


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
