"""Finds the complete objects of a listing. Pure: an object that exists is not necessarily complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from afterbell.sources.source import Source
from afterbell.stores.protocols import StoredObject


def complete(source: Source, listing: Sequence[StoredObject], now: datetime) -> list[StoredObject]:
    """The objects of ``listing`` that can be read, by the source's rule of completion.

    Args:
        source: whose objects they are.
        listing: everything below the source's prefix, markers included.
        now: the time by the store's clock, or near enough, with its zone.

    Returns:
        The complete ones, in the listing's order, without the markers. Objects that aren't named like the source's are
        left in, to be reported as strays.
    """
    waiting = unfinished(source, listing, now)
    return [stored for stored in listing if stored.key not in waiting and not _is_marker(source, stored)]


def unfinished(source: Source, listing: Sequence[StoredObject], now: datetime) -> dict[str, str]:
    """Why objects of ``listing`` can't be read yet, by key; the arguments are those of ``complete``."""
    match source.completion.rule:
        case "marker":
            return _unmarked(source, listing)
        case "settled":
            return _unsettled(source, listing, now)
        case _:
            return {}


def _is_marker(source: Source, stored: StoredObject) -> bool:
    suffix, shared = source.completion.suffix, source.completion.marker
    if source.completion.rule != "marker":
        return False
    return stored.key.rpartition("/")[2] == shared if shared else stored.key.endswith(suffix)


def _unmarked(source: Source, listing: Sequence[StoredObject]) -> dict[str, str]:
    suffix, shared = source.completion.suffix, source.completion.marker
    markers = {stored.key: stored for stored in listing if _is_marker(source, stored)}
    reasons = {}
    for stored in listing:
        if stored.key in markers or not source.is_named(stored.key):
            continue
        key = f"{stored.key.rpartition('/')[0]}/{shared}" if shared else stored.key + suffix
        reason = _marker_fault(key, markers, stored)
        if reason:
            reasons[stored.key] = reason
    return reasons


def _marker_fault(key: str, markers: Mapping[str, StoredObject], stored: StoredObject) -> str:
    """Why the marker ``key`` doesn't confirm that ``stored`` is whole; empty where it does."""
    marker = markers.get(key)
    if marker is None:
        return f"its marker {key} is not there"
    if marker.modified is None or stored.modified is None or marker.modified >= stored.modified:
        return ""
    # A marker that is older than its object belongs to an earlier delivery: the new one may be under way.
    return (
        f"{stored.key}, written at {_format_time(stored.modified)}, is newer than its marker {key}, written at "
        f"{_format_time(marker.modified)}: write the marker after the last object"
    )


def _unsettled(source: Source, listing: Sequence[StoredObject], now: datetime) -> dict[str, str]:
    seconds = source.completion.seconds
    latest = now - timedelta(seconds=seconds)
    moving: dict[date, StoredObject] = {}
    for stored in listing:
        session = source.session_of(stored.key)
        if session is not None and (stored.modified is None or stored.modified > latest):
            moving.setdefault(session, stored)
    reasons = {}
    for stored in listing:
        session = source.session_of(stored.key)
        if session is not None and session in moving:
            last = moving[session]
            written = (
                "at a time that the store doesn't report"
                if last.modified is None
                else f"at {_format_time(last.modified)}"
            )
            reasons[stored.key] = f"{last.key} was written {written}, and must be left alone for {seconds} s"
    return reasons


def _format_time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
