"""What a security did under the symbol that it had before, for rows that look back past its renaming. Pure.

Bars of the old symbol are shown under the new one as if they had become known a session late: a row looks back at them,
and none stands on them. So a renamed security has its history, and no row more.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from afterbell.features.grid import SessionGrid, from_day
from afterbell.lake.listings import RENAMED

_STEPS = 8
"""Renames in a row that are followed."""

_PAIRS = ["symbol", "predecessor", "since", "known"]


def ancestors(rows: pl.DataFrame, grid: SessionGrid) -> pl.DataFrame:
    """Which symbols a security had before.

    Args:
        rows: of ``market.corporate_actions``, ``RENAME_COLUMNS``.
        grid: a rename that was not known at the cut-off of its own session is left out.

    Returns:
        symbol, predecessor, since (Date) and known (UTC): what was told of ``predecessor`` before ``since`` and
        ``known`` belongs to ``symbol``. Of a chain of renames each earlier symbol.
    """
    told = rows.filter(pl.col("kind") == RENAMED).select(
        "symbol", predecessor="rests_on", since="ex_session", known="knowledge_time"
    )
    cut_offs = pl.DataFrame(
        {"since": [from_day(int(day)) for day in grid.days], "_cut_off": grid.cut_offs},
        schema={"since": pl.Date, "_cut_off": pl.Int64},
    ).with_columns(pl.col("_cut_off").cast(pl.Datetime("us", "UTC")))
    step = told.join(cut_offs, on="since", how="inner").filter(pl.col("known") <= pl.col("_cut_off")).select(_PAIRS)
    step = step.sort("known", "symbol").unique(["symbol", "since"], keep="first", maintain_order=True)
    found, last = [step], step
    for _ in range(_STEPS):
        before = step.rename({"symbol": "predecessor", "predecessor": "_older", "since": "_since", "known": "_known"})
        older = last.join(before, on="predecessor", how="inner").filter(pl.col("_since") < pl.col("since"))
        last = older.select("symbol", predecessor="_older", since="_since", known="_known")
        if last.is_empty():
            break
        found.append(last)
    return pl.concat(found)


def carry_bars(tables: Sequence[pa.Table], pairs: pl.DataFrame, grid: SessionGrid) -> pa.Table | None:
    """Bars of earlier symbols under the present one; None for none.

    Args:
        tables: rows of ``market.bars``.
        pairs: from ``ancestors``.
        grid: of the sessions of ``tables``.
    """
    olds = pa.array(pairs["predecessor"].unique().to_list(), pa.string())
    few = [_of_symbols(table, olds) for table in tables]
    rows = pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in few])
    told = rows.rename({"symbol": "predecessor"}).join(pairs, on="predecessor", how="inner")
    told = told.filter((pl.col("session") < pl.col("since")) & (pl.col("knowledge_time") < pl.col("known")))
    if told.is_empty():
        return None
    key = ["symbol", "session"]
    newest = told.sort(*key, "knowledge_time", "revision").unique(key, keep="last", maintain_order=True)
    own = _own_sessions(tables, newest["symbol"].unique().to_list())
    newest = newest.join(own, on=key, how="anti")
    late = pl.DataFrame(
        {"session": [from_day(int(day)) for day in grid.days], "_late": grid.cut_offs + 1},
        schema={"session": pl.Date, "_late": pl.Int64},
    )
    shown = newest.join(late, on="session", how="inner", maintain_order="left").with_columns(
        knowledge_time=pl.col("_late").cast(pl.Datetime("us", "UTC"))
    )
    return shown.select(few[0].column_names).to_arrow().cast(few[0].schema) if shown.height else None


def carry_actions(actions: pa.Table, pairs: pl.DataFrame) -> pa.Table:
    """``actions`` with those of earlier symbols under the present one, too."""
    rows = pl.DataFrame(pl.from_arrow(actions))
    told = rows.rename({"symbol": "predecessor"}).join(pairs, on="predecessor", how="inner")
    told = told.filter(
        (pl.col("ex_session") < pl.col("since"))
        & (pl.col("knowledge_time") < pl.col("known"))
        & (pl.col("kind") != RENAMED)
    )
    return pa.concat_tables([actions, told.select(rows.columns).to_arrow().cast(actions.schema)])


def _of_symbols(table: pa.Table, symbols: pa.Array) -> pa.Table:
    """Their rows, with the symbol as plain text; a column of texts that repeat is looked at by its dictionary."""
    masks = [
        pc.is_in(chunk.dictionary, symbols).take(chunk.indices)
        if pa.types.is_dictionary(chunk.type)
        else pc.is_in(chunk, symbols)
        for chunk in table["symbol"].chunks
    ]
    few = table.filter(pa.chunked_array(masks, pa.bool_()))
    return few.set_column(few.column_names.index("symbol"), "symbol", few["symbol"].cast(pa.string()))


def _own_sessions(tables: Sequence[pa.Table], symbols: list[str]) -> pl.DataFrame:
    names = pa.array(symbols, pa.string())
    few = [_of_symbols(table, names).select(["symbol", "session"]) for table in tables]
    return pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in few])
