"""Which delivered rows say something new. Pure.

A row that repeats what is already known makes no revision. Everything else is a further row: nothing is updated, so
what was known at any time can still be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

BAR_KEY = ("symbol", "session")
BAR_VALUES = ("open", "high", "low", "close", "volume", "adj_close")
ACTION_KEY = ("symbol", "ex_session")
ACTION_VALUES = ("factor", "kind")
FILING_KEY = ("symbol", "period_end", "amended", "doc_type")


def something_new(frame: pl.DataFrame, key: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """Rows in the order in which they became known, without those that repeat the row known before them.

    Args:
        frame: rows with ``key``, ``values``, ``knowledge_time`` (UTC), ``drop_id``; ``known`` (Boolean) for rows that
            the lake has; ``late`` (Boolean) for rows of a drop that came after later drops of its source.
        key: the columns a row is about.
        values: the columns it tells.

    Returns:
        The known rows and the new ones that remain, sorted by key, knowledge time and drop. A late row counts only
        where nothing is known yet: what the later drops told is newer.
    """
    order = [*key, "knowledge_time", pl.col("known").not_(), "drop_id"]
    anything_known = pl.col("known").any().over(key)
    rows = frame.filter(pl.col("known") | ~pl.col("late") | ~anything_known).sort(order)
    # Equal to the row before it, which itself repeats or is the newest known one.
    before = pl.struct(*key, *values).shift(1)
    repeats = (pl.int_range(pl.len()) > 0) & (pl.struct(*key, *values) == before)
    return rows.filter(pl.col("known") | ~repeats)


def number_revisions(frame: pl.DataFrame) -> pl.DataFrame:
    """The new revisions among delivered bars.

    Args:
        frame: bars, known and new, as ``something_new`` takes them; known ones with their ``revision``.

    Returns:
        The new rows, ``revision`` (Int32) counting on from the known ones, from 0 where there are none.
    """
    rows = something_new(frame, BAR_KEY, BAR_VALUES)
    newest = pl.col("revision").max().over(BAR_KEY).fill_null(-1)
    nth = (~pl.col("known")).cast(pl.Int32).cum_sum().over(BAR_KEY)
    return rows.with_columns((newest + nth).cast(pl.Int32).alias("revision")).filter(~pl.col("known"))
