"""Bars that only repeat the session before, for too many sessions: set aside. Pure.

Whether a bar is stale takes the evidence of several drops, so the tasks return every bar that repeats the one before
it, numbered, and it is judged here. What was set aside stays out until a drop says something else about that session.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from afterbell.ingest.actions import evidence
from afterbell.ingest.revisions import BAR_KEY, BAR_VALUES

RULE = "stale"
_SEPARATOR = ","
_TEXT = (*BAR_KEY, *BAR_VALUES)
"""Fields of the raw text of a bar that was set aside, in their order."""
_STANDS_STILL = tuple(name for name in _TEXT if name != "adj_close")
"""What identifies a bar that stands still: the adjusted close may change meanwhile."""


def stale_keys(shown: pl.DataFrame, limits: Mapping[str, int]) -> pl.DataFrame:
    """Symbol, session and limit of the bars that are stale.

    Args:
        shown: ``EVIDENCE`` with knowledge_time and drop_id, of the sessions judged and as many before as any limit.
        limits: repeats from which on a bar is stale, by source.
    """
    shown = shown.sort("knowledge_time", "drop_id")
    frames = [
        evidence.stale_runs(shown.filter(pl.col("drop_id").str.starts_with(f"{source}:")), limit)
        .select(*BAR_KEY)
        .with_columns(limit=pl.lit(limit))
        for source, limit in limits.items()
    ]
    empty = shown.select(*BAR_KEY).clear().with_columns(limit=pl.lit(0))
    return pl.concat([empty, *frames]).unique(list(BAR_KEY), keep="first", maintain_order=True)


def judge(repeats: pl.DataFrame, stale: pl.DataFrame, aside: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take stale bars out of numbered revisions.

    Args:
        repeats: new revisions of bars, all of each (symbol, session).
        stale: as ``stale_keys`` returns them.
        aside: ``raw`` of the bars that were set aside earlier.

    Returns:
        The revisions that stay, numbered without gaps; and those set aside now, with ``raw`` (String) and ``limit``.
    """
    key = list(BAR_KEY)
    rows = repeats.join(stale, on=key, how="left", maintain_order="left").sort(*key, "revision")
    rows = rows.with_columns(
        raw=pl.concat_str(_TEXT, separator=_SEPARATOR, ignore_nulls=False).fill_null(""),
        bar=pl.concat_str(_STANDS_STILL, separator=_SEPARATOR),
    )
    fields = pl.col("raw").str.split_exact(_SEPARATOR, len(_TEXT) - 1).struct.rename_fields(_TEXT)
    bars_aside = aside.select(fields).unnest("raw").select(bar=pl.concat_str(_STANDS_STILL, separator=_SEPARATOR))
    first = pl.col("bar").first().over(key)
    known = pl.col("bar").is_in(bars_aside["bar"].drop_nulls().unique().implode())
    same = pl.when(known.any().over(key)).then(known).otherwise(pl.col("bar") == first)
    rows = rows.with_columns(out=pl.col("limit").is_not_null() & same, least=pl.col("revision").min().over(key))
    stays = rows.filter(~pl.col("out")).with_columns(
        revision=(pl.col("least") + pl.int_range(pl.len(), dtype=pl.Int32).over(key)).cast(pl.Int32)
    )
    out = rows.filter("out").unique("raw", keep="first", maintain_order=True)
    out = out.join(aside.select("raw"), on="raw", how="anti", maintain_order="left")
    return stays.select(repeats.columns), out.select(*repeats.columns, "raw", "limit")
