"""Bars of another security under a symbol, and how readers leave them out or part them. Pure.

A vendor sometimes delivers another listing's bars under a symbol: a fifth of the price, a hundredth of the dollars.
What it delivered stays in ``market.bars``; ``market.corporate_actions`` has a row of kind ``WRONG_LISTING`` that names
the symbol, the session from which on, the last close of the right listing (``close_before``) and the first one of the
wrong listing (``close``). Its factor is 1. A bar from that session on that lies nearer to the wrong close than to the
right one is held: readers leave it out. So nobody has to confirm the vendor's return.

An exchange gives a symbol to another security, too: a row of kind ``REUSED`` names the first session of the new one.
Bars before and after it stay, but are two series: no return, no window and no label goes across.
"""

from __future__ import annotations

import polars as pl

WRONG_LISTING = "wrong_listing"
"""The kind of such a row. It and the kinds below come after those of factors in the alphabet: the greatest value of a
file shows whether it may have any."""

REUSED = "symbol_reused"
"""The kind of a row about a symbol that another security has taken, from its ex-session on."""

RENAMED = "symbol_renamed"
"""The kind of a row about a security that had another symbol, ``rests_on``, before its ex-session."""

BEGAN, WITHDRAWN = "began", "withdrawn"
"""The basis of such a row; the second one ends it, where an action that became known later explains the move."""

LISTING_KINDS = (WRONG_LISTING, REUSED, RENAMED)

HELD, RETURNED, EXPLAINED, RELEASED = "held", "returned", "explained", "released"
"""The basis: bars are held; the vendor is back at the right listing, from that session on; an action that became known
later explains the move; a person states that the bars are right. All but the first end it."""

HOLD_COLUMNS = ("symbol", "ex_session", "kind", "basis", "knowledge_time", "close_before", "close")
"""Columns of ``market.corporate_actions`` that ``withhold`` reads."""

_HOLD = ["symbol", "_since"]


RENAME_COLUMNS = ("symbol", "ex_session", "kind", "knowledge_time", "rests_on")
"""Columns of ``market.corporate_actions`` that describe renames."""


def is_factor() -> pl.Expr:
    """Which rows of ``market.corporate_actions`` are factors: all others name listings."""
    return ~pl.col("kind").is_in(LISTING_KINDS)


def part_series(rows: pl.DataFrame) -> pl.DataFrame:
    """Factors of corporate actions, and NaN where a symbol begins to stand for another security: nothing compares.

    Args:
        rows: of ``market.corporate_actions``: symbol, ex_session, factor, kind, basis, knowledge_time and others.

    Returns:
        The columns of ``rows``. What is believed of such a session while the symbol counts as taken has NaN, too.
    """
    named = rows.filter(pl.col("kind") == REUSED)
    factors = rows.filter(is_factor())
    if named.is_empty():
        return factors
    key = ["symbol", "ex_session"]
    began, ended = (pl.col("basis") == BEGAN, pl.col("basis") == WITHDRAWN)
    spans = named.group_by(key).agg(
        _since=pl.col("knowledge_time").filter(began).min(), _until=pl.col("knowledge_time").filter(ended).min()
    )
    marked = factors.join(spans, on=key, how="left", maintain_order="left")
    known = pl.col("knowledge_time")
    parted = (known >= pl.col("_since")) & (pl.col("_until").is_null() | (known < pl.col("_until")))
    marked = marked.with_columns(
        factor=pl.when(parted.fill_null(value=False)).then(float("nan")).otherwise(pl.col("factor"))
    )
    breaks = named.filter(began).with_columns(factor=pl.lit(float("nan")))
    return pl.concat([marked.select(rows.columns), breaks])


def periods(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of kind ``WRONG_LISTING`` as one row a hold.

    Returns:
        symbol, _since (Date), right and wrong (dollars), held_at (UTC); _until (Date, the vendor's return) and back_at
        (UTC, when that was known); freed_at (UTC, when the bars were found to be right); null where it has not come.
    """
    named = rows.filter(pl.col("kind") == WRONG_LISTING).sort("knowledge_time", "ex_session")
    holds = named.filter(pl.col("basis") == HELD).unique(["symbol", "ex_session"], keep="first", maintain_order=True)
    holds = holds.select(
        "symbol", _since="ex_session", right="close_before", wrong="close", held_at="knowledge_time"
    ).sort("symbol", "held_at", "_since")
    freed = named.filter(pl.col("basis").is_in([EXPLAINED, RELEASED]))
    freed = freed.group_by("symbol", _since="ex_session").agg(freed_at=pl.col("knowledge_time").min())
    back = named.filter(pl.col("basis") == RETURNED).select("symbol", _until="ex_session", back_at="knowledge_time")
    pairs = holds.join(back, on="symbol", how="inner").filter(
        (pl.col("_until") > pl.col("_since")) & (pl.col("back_at") >= pl.col("held_at"))
    )
    ends = pairs.group_by(_HOLD).agg(pl.col("_until", "back_at").sort_by("back_at").first())
    return holds.join(ends, on=_HOLD, how="left").join(freed, on=_HOLD, how="left")


def withhold(bars: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Revisions of bars without those that are held; those freed since count from then on.

    Args:
        bars: symbol, session, close, knowledge_time and whatever else, all revisions.
        rows: rows of ``market.corporate_actions``, ``HOLD_COLUMNS``, of all sessions.

    Returns:
        The columns of ``bars``.
    """
    named = rows.filter(pl.col("kind") == WRONG_LISTING)
    if named.is_empty():
        return bars
    known = periods(named)
    # Vendors' symbols may be stored as dictionaries; few of them are held.
    symbol = pl.col("symbol").cast(pl.String)
    concerned = symbol.is_in(known["symbol"].implode())
    few, others = bars.filter(concerned).with_row_index("_row"), bars.filter(~concerned)
    if few.is_empty():
        return bars
    near = (pl.col("close") / pl.col("wrong")).log().abs() < (pl.col("close") / pl.col("right")).log().abs()
    # What was delivered before the return was known stays held: nobody could know on that night.
    over = (pl.col("session") >= pl.col("_until")) & (pl.col("knowledge_time") >= pl.col("back_at"))
    during = (pl.col("session") >= pl.col("_since")) & ~over.fill_null(value=False)
    pairs = few.with_columns(symbol=symbol).join(known, on="symbol", how="inner")
    held = pairs.filter(near & during & (pl.col("knowledge_time") >= pl.col("held_at")))
    # Of several holds that concern a bar the last one to be freed decides.
    ends = held.group_by("_row").agg(
        _freed=pl.when(pl.col("freed_at").is_not_null().all()).then(pl.col("freed_at").max())
    )
    stays = few.join(ends, on="_row", how="anti", maintain_order="left")
    again = few.join(ends.filter(pl.col("_freed").is_not_null()), on="_row", how="inner").with_columns(
        knowledge_time=pl.max_horizontal("knowledge_time", pl.col("_freed").cast(few.schema["knowledge_time"]))
    )
    return pl.concat([others, stays.select(bars.columns), again.select(bars.columns)])
