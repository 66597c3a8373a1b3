"""The feature rows of a few sessions, out of the lake's files, as models take them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.lake.tables import Table
from afterbell.training.candidate_document import TrainedSet
from afterbell.training.collect import StoredMonths

KEY = ("symbol", "session")


def month_of(day: date) -> int:
    """The month of a day, counted from January 1970, as tables of months are partitioned."""
    return (day.year - 1970) * 12 + day.month - 1


def read_months(months: StoredMonths, columns: Sequence[str], first: date, last: date, keep: pl.Expr) -> pl.DataFrame:
    """Symbol, session and ``columns`` of the rows from ``first`` to ``last`` for which ``keep`` holds.

    A month is read at a time; what is not kept of it is let go before the next.
    """
    kept = keep & pl.col("session").is_between(first, last)
    numbers = sorted(set(months.months) & set(range(month_of(first), month_of(last) + 1)))
    frames = [months.read(number, [*KEY, *columns]).filter(kept) for number in numbers]
    empty = {"symbol": pl.String, "session": pl.Date, **dict.fromkeys(columns, pl.Float32)}
    return pl.concat(frames) if frames else pl.DataFrame(schema=empty)


def read_feature_rows(
    spark: SparkSession,
    s3: S3Location,
    snapshots: Mapping[str, int],
    sets: Sequence[TrainedSet],
    sessions: tuple[date, date],
    symbols: Collection[str],
) -> pl.DataFrame:
    """Rows of some symbols that every set has under its definition.

    Args:
        spark: for the tables' files.
        s3: where S3 is, if the lake is there.
        snapshots: of the sets' tables, by set.
        sets: what the models take.
        sessions: the first and the last.
        symbols: whose rows.

    Returns:
        symbol, session, and a float32 column a factor; no row where a set has no snapshot, or none of its definition.
    """
    wanted = pl.col("symbol").is_in(sorted(symbols))
    nothing = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date})
    joined: pl.DataFrame | None = None
    for factors in sets:
        if factors.set not in snapshots:
            return nothing
        keep = pl.col("definition_hash") == factors.definition_hash
        months = StoredMonths(spark, Table(f"features.{factors.set}", ""), snapshots[factors.set], s3, keep)
        if not set(factors.names) <= set(months.columns):
            return nothing
        rows = read_months(months, factors.names, *sessions, wanted)
        joined = rows if joined is None else joined.join(rows, on=KEY, how="inner")
    if joined is None:
        raise AssertionError("a candidate has one set at least")
    return joined
