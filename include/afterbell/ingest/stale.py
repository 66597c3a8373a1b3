"""Bars that only repeat the session before, for too many sessions: set aside. Pure.

Whether a bar is stale takes the evidence of several drops, so the tasks hand over every bar that repeats the one before
it, numbered, and it is judged here. What was set aside stays out until a drop says something else about that session.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from afterbell.ingest.actions import evidence
from afterbell.ingest.revisions import BAR_KEY, BAR_VALUES

RULE = "stale"
_SEPARATOR = ","


def stale_keys(shown: pl.DataFrame, limits: Mapping[str, int]) -> pl.DataFrame:
    """Symbol, session and limit of the bars that are stale.

    Args:
        shown: ``EVIDENCE`` with knowledge_time and drop_id, of the sessions judged and as many before as any limit.
        limits: repeats from which on a bar is stale, by source.
    """
    shown = shown.sort("knowledge_time", "drop_id")
    found = [
        evidence.stale_runs(shown.filter(pl.col("drop_id").str.starts_with(f"{source}:")), limit)
        .select(*BAR_KEY)
        .with_columns(limit=pl.lit(limit))
        for source, limit in limits.items()
    ]
    empty = shown.select(*BAR_KEY).clear().with_columns(limit=pl.lit(0))
    return pl.concat([empty, *found]).unique(list(BAR_KEY), keep="first", maintain_order=True)


def judge(repeats: pl.DataFrame, stale: pl.DataFrame, aside: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take stale bars out of numbered revisions.

    Args:
        repeats: new revisions of bars, all of each (symbol, session).
        stale: as ``stale_keys`` found them.
        aside: ``raw`` of the bars that were set aside earlier.

    Returns:
        The revisions that stay, numbered without gaps; and those set aside now, with ``raw`` (String) and ``limit``.
    """
    key = list(BAR_KEY)
    rows = repeats.join(stale, on=key, how="left", maintain_order="left").sort(*key, "revision")
    rows = rows.with_columns(
        raw=pl.concat_str(*key, *BAR_VALUES, separator=_SEPARATOR, ignore_nulls=False).fill_null(""),
        bar=pl.concat_str(*key, *BAR_VALUES[:-1], separator=_SEPARATOR),
    )
    # A bar is its raw text without the adjusted close at its end, which may change while the bar stands still.
    bars_aside = aside.select(pl.col("raw").str.replace(r",[^,]*$", "").alias("bar")).unique()
    first = pl.col("bar").first().over(key)
    known = pl.col("bar").is_in(bars_aside["bar"].implode())
    same = pl.when(known.any().over(key)).then(known).otherwise(pl.col("bar") == first)
    rows = rows.with_columns(out=pl.col("limit").is_not_null() & same, least=pl.col("revision").min().over(key))
    stays = rows.filter(~pl.col("out")).with_columns(
        revision=(pl.col("least") + pl.int_range(pl.len(), dtype=pl.Int32).over(key)).cast(pl.Int32)
    )
    out = rows.filter("out").unique("raw", keep="first", maintain_order=True)
    out = out.join(aside.select("raw"), on="raw", how="anti", maintain_order="left")
    return stays.select(repeats.columns), out.select(*repeats.columns, "raw", "limit")
