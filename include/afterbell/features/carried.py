"""What a security did under the symbol that it had before, for rows that look back past its renaming. Pure.

Bars of the old symbol are shown under the new one as if they had become known a session late: rows look back at them,
but none of them makes a row. So a renamed security has its history, and no additional rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from afterbell.features.grid import SessionGrid, from_day
from afterbell.lake.listings import RENAMED

_STEPS = 8
"""Consecutive renames that are followed."""

_PAIRS = ["symbol", "predecessor", "since", "known"]


def ancestors(rows: pl.DataFrame, grid: SessionGrid) -> pl.DataFrame:
    """Which symbols a security had before.

    Args:
        rows: of ``market.corporate_actions``, ``RENAME_COLUMNS``.
        grid: a rename that was not known at the cut-off of its own session is left out.

    Returns:
        symbol, predecessor, since (Date) and known (UTC): what was reported of ``predecessor`` before ``since``
        and ``known`` belongs to ``symbol``. Of a chain of renames each earlier symbol.
    """
    renames = rows.filter(pl.col("kind") == RENAMED).select(
        "symbol", predecessor="rests_on", since="ex_session", known="knowledge_time"
    )
    cut_offs = pl.DataFrame(
        {"since": [from_day(int(day)) for day in grid.days], "_cut_off": grid.cut_offs},
        schema={"since": pl.Date, "_cut_off": pl.Int64},
    ).with_columns(pl.col("_cut_off").cast(pl.Datetime("us", "UTC")))
    step = renames.join(cut_offs, on="since", how="inner").filter(pl.col("known") <= pl.col("_cut_off")).select(_PAIRS)
    step = step.sort("known", "symbol").unique(["symbol", "since"], keep="first", maintain_order=True)
    steps, last = [step], step
    for _ in range(_STEPS):
        earlier = step.rename({"symbol": "predecessor", "predecessor": "_older", "since": "_since", "known": "_known"})
        older = last.join(earlier, on="predecessor", how="inner").filter(pl.col("_since") < pl.col("since"))
        last = older.select("symbol", predecessor="_older", since="_since", known="_known")
        if last.is_empty():
            break
        steps.append(last)
    return pl.concat(steps)


def carry_bars(tables: Sequence[pa.Table], pairs: pl.DataFrame, grid: SessionGrid) -> pa.Table | None:
    """Bars of earlier symbols under the present one; None if there are no such bars.

    Args:
        tables: rows of ``market.bars``.
        pairs: from ``ancestors``.
        grid: of the sessions of ``tables``.
    """
    predecessors = pa.array(pairs["predecessor"].unique().to_list(), pa.string())
    matching = [_rows_of_symbols(table, predecessors) for table in tables]
    rows = pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in matching])
    carried = rows.rename({"symbol": "predecessor"}).join(pairs, on="predecessor", how="inner")
    carried = carried.filter((pl.col("session") < pl.col("since")) & (pl.col("knowledge_time") < pl.col("known")))
    if carried.is_empty():
        return None
    key = ["symbol", "session"]
    newest = carried.sort(*key, "knowledge_time", "revision").unique(key, keep="last", maintain_order=True)
    own = _own_sessions(tables, newest["symbol"].unique().to_list())
    newest = newest.join(own, on=key, how="anti")
    late = pl.DataFrame(
        {"session": [from_day(int(day)) for day in grid.days], "_late": grid.cut_offs + 1},
        schema={"session": pl.Date, "_late": pl.Int64},
    )
    shown = newest.join(late, on="session", how="inner", maintain_order="left").with_columns(
        knowledge_time=pl.col("_late").cast(pl.Datetime("us", "UTC"))
    )
    return shown.select(matching[0].column_names).to_arrow().cast(matching[0].schema) if shown.height else None


def carry_actions(actions: pa.Table, pairs: pl.DataFrame) -> pa.Table:
    """``actions`` with those of earlier symbols under the present one, too."""
    rows = pl.DataFrame(pl.from_arrow(actions))
    carried = rows.rename({"symbol": "predecessor"}).join(pairs, on="predecessor", how="inner")
    carried = carried.filter(
        (pl.col("ex_session") < pl.col("since"))
        & (pl.col("knowledge_time") < pl.col("known"))
        & (pl.col("kind") != RENAMED)
    )
    return pa.concat_tables([actions, carried.select(rows.columns).to_arrow().cast(actions.schema)])


def _rows_of_symbols(table: pa.Table, symbols: pa.Array) -> pa.Table:
    """The rows of ``symbols``, with the symbol as plain text; a dictionary column is matched by its dictionary."""
    masks = [
        pc.is_in(chunk.dictionary, symbols).take(chunk.indices)
        if pa.types.is_dictionary(chunk.type)
        else pc.is_in(chunk, symbols)
        for chunk in table["symbol"].chunks
    ]
    matching = table.filter(pa.chunked_array(masks, pa.bool_()))
    return matching.set_column(matching.column_names.index("symbol"), "symbol", matching["symbol"].cast(pa.string()))


def _own_sessions(tables: Sequence[pa.Table], symbols: list[str]) -> pl.DataFrame:
    names = pa.array(symbols, pa.string())
    own = [_rows_of_symbols(table, names).select(["symbol", "session"]) for table in tables]
    return pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in own])
