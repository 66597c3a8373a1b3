"""Securities that go on under another symbol: recognised by their last bar. Pure.

On the first session under a new symbol the vendor delivers the session before under it, too: with the prices that it
gave under the old symbol on that very session, and no longer gives there. Nothing else has the same four prices and
that volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from afterbell.ingest.actions.evidence import drop_session
from afterbell.lake.listings import BEGAN, RENAMED

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "predecessor": pl.String,
    "session": pl.Date,
    "previous_session": pl.Date,
    "knowledge_time": pl.Datetime("us", "UTC"),
    "drop_id": pl.String,
}
RENAMES = pl.Schema(_COLUMNS)
"""A security that is called ``symbol`` from ``session`` on, and was ``predecessor`` up to ``previous_session``."""

MOST = 200
"""Bars of a session that a later drop delivers first: more of them make up for a drop that was lost."""

LEAST_SHARES = 1000
"""Traded in the session before: bars of fewer may be equal by chance."""

_PRICES = ["open", "high", "low", "close"]
_SAME_SHARES = 2.0


def find_renames(made: pl.DataFrame, known: pl.DataFrame, delivered: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Securities that new bars show under another symbol than before.

    Args:
        made: new rows of ``market.bars``.
        known: what the lake has of their sessions; it may be more.
        delivered: by drop_id, all bars that a drop of ``made`` has: symbol, session, open, high, low, close. Bars of
            other drops, such as objects that carry a history, show no rename.

    Returns:
        ``RENAMES``, sorted by session and symbol. A bar that fits several symbols is left out.
    """
    if made.is_empty():
        return RENAMES.to_frame()
    days = _sessions_of(pl.concat([made["drop_id"].unique(), known["drop_id"].unique()]).unique())
    own = pl.col("drop_id").replace_strict(days, return_dtype=pl.Date)
    first = [rows.filter(pl.col("revision") == 0).select(*_ABOUT).with_columns(by=own) for rows in (made, known)]
    fresh = first[0].filter((pl.col("by") > pl.col("session")) & pl.col("drop_id").is_in(list(delivered)))
    fresh = fresh.filter((pl.len().over("drop_id") <= MOST) & (pl.col("volume") >= LEAST_SHARES))
    if fresh.is_empty():
        return RENAMES.to_frame()
    about = fresh["session"].unique().implode()
    before = pl.concat(
        [rows.filter(pl.col("session").is_in(about) & (pl.col("by") == pl.col("session"))) for rows in first]
    )
    pairs = fresh.join(
        before.select("session", *_PRICES, predecessor="symbol", shares="volume"), on=["session", *_PRICES], how="inner"
    ).filter(
        (pl.col("predecessor") != pl.col("symbol"))
        & (pl.col("volume") / pl.col("shares")).is_between(1 / _SAME_SHARES, _SAME_SHARES)
    )
    # Where the same bar still comes under the old symbol, the security has two symbols, not a new one.
    same = ["session", *_PRICES, "predecessor"]
    drops = pairs.partition_by("drop_id")
    remaining = pl.concat(
        [
            drop_pairs.join(delivered[drop_pairs["drop_id"][0]].rename({"symbol": "predecessor"}), on=same, how="anti")
            for drop_pairs in drops
        ]
        or [pairs]
    )
    remaining = remaining.filter(
        (pl.len().over("symbol", "drop_id") == 1) & (pl.len().over("predecessor", "drop_id") == 1)
    ).rename({"session": "previous_session", "by": "session"})
    return remaining.select(list(RENAMES)).sort("session", "symbol")


def rename_rows(renames: pl.DataFrame) -> pl.DataFrame:
    """``RENAMES`` as rows of ``market.corporate_actions``."""
    return renames.select(
        "symbol",
        "knowledge_time",
        "drop_id",
        ex_session="session",
        factor=pl.lit(1.0),
        kind=pl.lit(RENAMED),
        basis=pl.lit(BEGAN),
        confidence=pl.lit(0.99),
        rests_on="predecessor",
    )


_ABOUT = ("symbol", "session", *_PRICES, "volume", "knowledge_time", "drop_id")


def _sessions_of(drops: pl.Series) -> dict[str, date | None]:
    """The session of each drop, from its id."""
    sessions = drop_session(drops)
    return dict(zip(drops.to_list(), sessions.to_list(), strict=True))
