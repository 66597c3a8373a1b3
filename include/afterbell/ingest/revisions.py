"""Numbers revisions: finds the delivered rows with new values. Pure.

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
        values: the columns with its values.

    Returns:
        The known rows and the new ones that remain, sorted by key, knowledge time and drop. A late row counts only
        where nothing is known yet: what the later drops delivered is newer.
    """
    if frame["late"].any():
        frame = frame.filter(pl.col("known") | ~pl.col("late") | ~pl.col("known").any().over(key))
    frame = frame.rechunk()
    about, order = _in_order(frame, key)
    ordered = frame.select(*values, "known", about)[order]
    # Equal to the row before it, which itself repeats or is the newest known one.
    stays = ordered.select(pl.col("known") | ~_same_as_before([about.name, *values])).to_series()
    return frame[order.filter(stays)]


def _in_order(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """The key of each row as a number, and the places of rows by key, knowledge time, known before new, and drop.

    One number a row is quicker to sort by than the text of symbols and drops.
    """
    about = _numbers([frame[name] for name in key])
    return about.alias("_about"), _numbers([about, _deliveries(frame)]).arg_sort()


def _deliveries(frame: pl.DataFrame) -> pl.Series:
    """The rank of each row's drop: by knowledge time, known before new, and id."""
    ties = ["knowledge_time", "known", "drop_id"]
    stamps = frame.select(ties)
    # Rows of one drop stand together: few rows differ from the one before.
    changes = stamps.select(~_same_as_before(ties)).to_series()
    runs = stamps.filter(changes)
    drops = runs.unique().sort(*ties[:1], pl.col("known").not_(), "drop_id").with_row_index("_nth")
    ranks = runs.join(drops, on=ties, how="left", nulls_equal=True, maintain_order="left")["_nth"]
    return ranks.gather(changes.cum_sum() - 1)


def _numbers(columns: Sequence[pl.Series]) -> pl.Series:
    """Rows as numbers (Int64) that are equal, and in order, where the rows are; NULL comes first."""
    numbers, size = pl.repeat(0, columns[0].len(), dtype=pl.Int64, eager=True), 1
    for column in columns:
        ranks = _ranks(column)
        width = int(ranks.max() or 0) + 1  # type: ignore[arg-type]
        if size * width >= 2**63:
            numbers, size = _dense(numbers), numbers.len()
        numbers, size = numbers * width + ranks, size * width
    return numbers


def _ranks(values: pl.Series) -> pl.Series:
    """Whole numbers below 2**32 (Int64) in the order of the values, NULL as 0."""
    if values.dtype == pl.String:
        ranks = values.cast(pl.Enum(values.drop_nulls().unique().sort())).to_physical().cast(pl.Int64)
    else:
        ranks = values.to_physical().cast(pl.Int64)
        ranks = ranks - (ranks.min() or 0)
        if int(ranks.max() or 0) >= 2**32:  # type: ignore[arg-type]
            ranks = _dense(ranks)
    return (ranks + 1).fill_null(0)


def _dense(values: pl.Series) -> pl.Series:
    return values.rank("dense").cast(pl.Int64) - 1


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
        values: the columns with its values.

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
