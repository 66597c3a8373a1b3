"""Gaps in a history: sessions that a symbol has no bar of, between two that it has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl


def gaps(known: pl.DataFrame, calendar: Sequence[date], judged: Collection[date]) -> pl.DataFrame:
    """The gaps that end with a judged bar: it and the bar before it are not of neighbouring sessions.

    Args:
        known: the newest revision of each bar, sorted by symbol and session (``afterbell.quality.sequence.newest``).
        calendar: the exchange's sessions, ascending; a gap that reaches back before the first is not seen.
        judged: the sessions whose bars are judged.

    Returns:
        symbol, first and last (the sessions without a bar, Date), sessions (how many, Int64), sorted.
    """
    days = pl.Series("session", list(calendar), dtype=pl.Date)
    place = pl.DataFrame({"session": days}).with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    position, before = pl.col("_at"), pl.col("_at").shift(1).over("symbol")
    ends = (
        known.select("symbol", "session")
        .join(place, on="session", how="inner", maintain_order="left")
        .with_columns(_missing=position - before - 1)
        .filter((pl.col("_missing") > 0) & pl.col("session").is_in(list(judged)))
    )
    return ends.select(
        "symbol",
        first=days.gather(ends["_at"] - ends["_missing"]),
        last=days.gather(ends["_at"] - 1),
        sessions="_missing",
    ).sort("symbol", "first")
