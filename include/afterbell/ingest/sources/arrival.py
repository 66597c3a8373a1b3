"""Which of the objects that a listing shows are whole. Pure: an object is never taken for complete by being there."""

from __future__ import annotations

from collections.abc import Sequence
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
    rule = source.completion
    if rule.rule == "marker":
        return _marked(source, listing)
    if rule.rule == "settled":
        return _settled(source, listing, now - timedelta(seconds=rule.seconds))
    return list(listing)


def _marked(source: Source, listing: Sequence[StoredObject]) -> list[StoredObject]:
    suffix, shared = source.completion.suffix, source.completion.marker
    there = {found.key: found for found in listing}
    markers = {
        found.key
        for found in listing
        if (found.key.rpartition("/")[2] == shared if shared else found.key.endswith(suffix))
    }

    def whole(found: StoredObject) -> bool:
        if source.session_of(found.key) is None:
            return True
        key = f"{found.key.rpartition('/')[0]}/{shared}" if shared else found.key + suffix
        marker = there.get(key)
        # A marker that is older than its object belongs to an earlier delivery: the new one may be under way.
        return marker is not None and not (
            marker.modified is not None and found.modified is not None and marker.modified < found.modified
        )

    return [found for found in listing if found.key not in markers and whole(found)]


def _settled(source: Source, listing: Sequence[StoredObject], latest: datetime) -> list[StoredObject]:
    sessions = [source.session_of(found.key) for found in listing]
    unsettled: set[date | None] = {
        session
        for session, found in zip(sessions, listing, strict=True)
        if found.modified is None or found.modified > latest
    }
    unsettled.discard(None)
    return [found for session, found in zip(sessions, listing, strict=True) if session not in unsettled]
