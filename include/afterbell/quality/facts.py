"""A session's facts as a whole, against the sessions before it: what the set-level rules bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.ingest.plan import USABLE

ENOUGH = 5
"""Sessions with bars that a comparison needs before it means anything."""

Facts = dict[str, float | None]


def row_count_ratio(bars: DataFrame, session: date, trailing: Sequence[date]) -> float | None:
    """Symbols with a bar in ``session`` over the median of ``trailing``; None where too few of those have bars."""
    counts = {
        row.session: row.symbols
        for row in bars.where(F.col("session").isin([session, *trailing]))
        .groupBy("session")
        .agg(F.count_distinct("symbol").alias("symbols"))
        .collect()
    }
    before = sorted(count for day, count in counts.items() if day != session)
    if len(before) < ENOUGH:
        return None
    middle = len(before) // 2
    median = before[middle] if len(before) % 2 else (before[middle - 1] + before[middle]) / 2
    return float(counts.get(session, 0) / median)


def symbol_coverage(bars: DataFrame, session: date, trailing: Sequence[date]) -> float | None:
    """Share of the symbols with a bar in most of ``trailing`` that have one in ``session``; None as above."""
    seen = bars.where(F.col("session").isin([session, *trailing])).select("symbol", "session").distinct()
    days = seen.where(F.col("session") != session).select("session").distinct().count()
    if days < min(ENOUGH, len(trailing)):
        return None
    here = F.max((F.col("session") == session).cast("int")).alias("here")
    before = F.sum((F.col("session") != session).cast("int")).alias("before")
    row = seen.groupBy("symbol").agg(here, before).where(F.col("before") > days / 2).agg(F.avg("here").alias("share"))
    found = row.first()
    return None if found is None or found.share is None else float(found.share)


def quarantine_share(drops: DataFrame, session: date, sources: Sequence[str]) -> float | None:
    """Share of the lines of the usable drops of ``session`` that were set aside; None where there is no such drop."""
    mine = drops.where((F.col("session") == session) & F.col("source").isin(list(sources)))
    total = (
        mine.where(F.col("state").isin(list(USABLE)))
        .agg(F.sum("rows").alias("rows"), F.sum("quarantined").alias("aside"))
        .first()
    )
    if total is None or not total.rows:
        return None
    return float(total.aside / (total.rows + total.aside))
