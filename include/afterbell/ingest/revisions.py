"""Which delivered rows say something new. Pure.

A row that repeats what is already known makes no revision. Everything else is a further row: nothing is updated, so
what was known at any time can still be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

BAR_KEY = ("symbol", "session")
BAR_VALUES = ("open", "high", "low", "close", "volume", "adj_close")
MINUTE_KEY = ("symbol", "at")
MINUTE_VALUES = ("open", "high", "low", "close", "volume")
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
    if frame["late"].any():
        frame = frame.filter(pl.col("known") | ~pl.col("late") | ~pl.col("known").any().over(key))
    rows = _in_order(frame, key)
    # Equal to the row before it, which itself repeats or is the newest known one.
    repeats = _same_as_before(key) & _same_as_before(values)
    return rows.filter(pl.col("known") | ~repeats)


def _in_order(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Sorted by key, knowledge time, known before new, and drop; a drop's rank is a number, quicker to sort by."""
    ties = ["knowledge_time", pl.col("known").not_(), "drop_id"]
    drops = frame.select("knowledge_time", "known", "drop_id").unique().sort(ties).with_row_index("_nth")
    ranked = frame.join(drops, on=["knowledge_time", "known", "drop_id"], how="left", nulls_equal=True)
    return ranked.sort(*key, "_nth").drop("_nth")


def _same_as_before(columns: Sequence[str]) -> pl.Expr:
    """Whether a row has the values of the row before it; False for the first."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in columns)
    return same & (pl.int_range(pl.len()) > 0)


def number_revisions(
    frame: pl.DataFrame, key: Sequence[str] = BAR_KEY, values: Sequence[str] = BAR_VALUES
) -> pl.DataFrame:
    """The new revisions among delivered bars.

    Args:
        frame: bars, known and new, as ``something_new`` takes them; known ones with their ``revision``.
        key: the columns a bar is about.
        values: the columns it tells.

    Returns:
        The new rows, ``revision`` (Int32) counting on from the known ones, from 0 where there are none.
    """
    rows = something_new(frame, key, values)
    if not rows["known"].any():
        # Sorted by key: a row's number is its distance from the first of its key.
        row, first = pl.int_range(pl.len(), dtype=pl.Int32), ~_same_as_before(key)
        start = pl.when(first).then(row).forward_fill()
        return rows.with_columns((row - start).alias("revision"))
    newest = pl.col("revision").max().over(key).fill_null(-1)
    nth = (~pl.col("known")).cast(pl.Int32).cum_sum().over(key)
    return rows.with_columns((newest + nth).cast(pl.Int32).alias("revision")).filter(~pl.col("known"))
