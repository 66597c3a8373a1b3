"""Changes of the symbol master in a run: new, renamed, re-used and delisted symbols. Pure."""

from __future__ import annotations

import polars as pl

from afterbell.ingest.symbols import DELISTED, LISTED, RENAMED

NEW, REUSED = "new", "used again"
"""A symbol that was never listed before; one that was, and was delisted in between: perhaps another company's."""

CHANGES = ("symbol", "session", "change", "name", "name_before", "delisted_before")
"""Of a change: the session of the master that shows it, what it is (``NEW``, ``REUSED``, ``renamed``, ``delisted``),
the name from then on, the one before, and since when it had not been listed."""


def symbol_changes(log: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """The changes among ``added``, the newest first.

    The first master that was ever taken in lists every symbol; that is no change.

    Args:
        log: rows of ``market.symbols``, those added among them.
        added: rows that the run adds.

    Returns:
        ``CHANGES``.
    """
    ordered = log.sort("symbol", "knowledge_time", "valid_from")
    before = {name: pl.col(name).shift(1).over("symbol") for name in ("name", "status", "valid_from")}
    known = ordered.with_columns(**{f"{name}_before": value for name, value in before.items()})
    later = known.filter(pl.col("knowledge_time") > pl.col("knowledge_time").min())
    event = ["symbol", "knowledge_time", "status"]
    news = later.join(added.select(event), on=event, how="semi")
    was_gone = pl.col("status_before") == DELISTED
    change = (
        pl.when(pl.col("status") != LISTED)
        .then("status")
        .when(was_gone.fill_null(value=False))
        .then(pl.lit(REUSED))
        .otherwise(pl.lit(NEW))
    )
    shown = pl.col("status").is_in([RENAMED, LISTED])
    changes = news.with_columns(
        session="valid_from",
        change=change,
        name_before=pl.when(shown).then("name_before"),
        delisted_before=pl.when((pl.col("status") == LISTED) & was_gone).then("valid_from_before"),
    )
    return changes.sort(["session", "symbol"], descending=[True, False]).select(CHANGES)
