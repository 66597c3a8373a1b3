"""The session that an instant belongs to, by the exchange's calendar. Pure."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.parsing.checks import DropName
from afterbell.sources.source import Source

INSTANT = pl.Datetime("us", "UTC")


def with_session(source: Source, name: DropName, rows: pl.DataFrame) -> pl.DataFrame:
    """Minute bars with the ``session`` (Date) that ``at`` lies in; rows of other kinds as they are.

    A minute belongs to a session of the drop when it begins after that session's opening bell and before its close, or,
    where the source has ``hours: day``, on that day by the exchange's clocks. Others belong to none of them: NULL.
    """
    if source.kind != "minute_bars":
        return rows
    session: pl.Expr = pl.lit(None, dtype=pl.Date)
    for day in name.carried:
        first, end = _bounds(source, day)
        inside = (pl.col("at") >= pl.lit(first, dtype=INSTANT)) & (pl.col("at") < pl.lit(end, dtype=INSTANT))
        session = pl.when(inside).then(pl.lit(day)).otherwise(session)
    return rows.with_columns(session.alias("session"))


def _bounds(source: Source, day: date) -> tuple[datetime, datetime]:
    exchange = Exchange(source.exchange)
    return exchange.whole_day(day) if source.hours == "day" else exchange.hours(day)
