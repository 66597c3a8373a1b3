"""Which sessions have bars that a feature row may be made of; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from afterbell.calendar.sessions import Exchange
from afterbell.features.grid import cut_off_micros


def first_known(bars: pa.Table) -> dict[date, tuple[int, int]]:
    """For each session, ascending: when the first of its bars was known, and how many it has.

    Args:
        bars: ``session`` and ``knowledge_time`` of rows of ``market.bars``.

    Returns:
        Microseconds since 1970-01-01 UTC, and the count.
    """
    columns = {"session": bars["session"], "known": bars["knowledge_time"].cast(pa.int64())}
    grouped = pa.table(columns).group_by("session", use_threads=False)
    by_session = grouped.aggregate([("known", "min"), ("known", "count")]).sort_by("session")
    return {row["session"]: (row["known_min"], row["known_count"]) for row in by_session.to_pylist()}


def due(known: Mapping[date, tuple[int, int]], exchange: Exchange) -> dict[date, int]:
    """How many bars each session has, of those with one that was known at the cut-off.

    Args:
        known: from ``first_known``, of sessions of ``exchange``.
        exchange: whose cut-offs count.
    """
    return {day: count for day, (first, count) in known.items() if first <= cut_off_micros(exchange, day)}
