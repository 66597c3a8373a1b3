"""Rows of the lake's tables, as Arrow, to the arrays that kernels take; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from afterbell.features.filings import FIGURES, Filings
from afterbell.features.grid import FIELDS, Actions, Bars, Floats, Ints, SessionGrid, from_day
from afterbell.lake.listings import LISTING_KINDS, part_series

BAR_COLUMNS = ("symbol", "session", "knowledge_time", "revision", *FIELDS)
_ABOUT = [("symbol", pa.string()), ("knowledge_time", pa.timestamp("us", "UTC"))]
ACTION_COLUMNS = pa.schema(
    [*_ABOUT, ("ex_session", pa.date32()), ("factor", pa.float64()), ("kind", pa.string()), ("basis", pa.string())]
)
FILING_COLUMNS = pa.schema(
    [*_ABOUT, ("period_end", pa.date32()), ("doc_type", pa.string()), ("amended", pa.bool_())]
    + [(name, pa.float64()) for name in FIGURES]
)
"""What is read of ``market.corporate_actions`` and of ``market.fundamentals``."""


def within(table: pa.Table, column: str, grid: SessionGrid, history: int = 0) -> pa.Table:
    """The rows whose ``column`` lies between ``history`` days before the first session of ``grid`` and the last one."""
    first, last = (from_day(int(grid.days[index])) for index in (0, -1))
    first -= timedelta(days=history)
    bounds = pc.min_max(table[column]).as_py()
    if bounds["min"] is not None and first <= bounds["min"] and bounds["max"] <= last:
        return table  # as most months of a slice are: no copy
    return table.filter((pc.field(column) >= first) & (pc.field(column) <= last))


def symbols_of(tables: Sequence[pa.Table]) -> tuple[str, ...]:
    """The symbols of some tables, sorted."""
    chunks = (chunk for table in tables for chunk in table["symbol"].chunks)
    return tuple(sorted({name for chunk in chunks for name in _names(chunk).to_pylist()}))


def bars_of(tables: Sequence[pa.Table], symbols: tuple[str, ...]) -> Bars:
    """Rows of ``market.bars`` (``BAR_COLUMNS``) of symbols that are all in ``symbols``, which gives their codes."""
    ends = np.cumsum([0, *(table.num_rows for table in tables)])
    symbol, session, knowledge, revision = (np.empty(ends[-1], dtype=np.int64) for _ in range(4))
    values = np.empty((len(FIELDS), ends[-1]))
    for table, begin, end in zip(tables, ends, ends[1:], strict=False):
        symbol[begin:end] = _codes(table["symbol"], symbols)
        session[begin:end] = _integers(table["session"], pa.int32())
        knowledge[begin:end] = _integers(table["knowledge_time"], pa.int64())
        revision[begin:end] = _integers(table["revision"])
        for field, name in enumerate(FIELDS):
            values[field, begin:end] = _floats(table[name])
    return Bars(symbol, session, knowledge, revision, values)


def actions_of(table: pa.Table, symbols: tuple[str, ...]) -> Actions:
    """Rows of ``market.corporate_actions`` (``ACTION_COLUMNS``), in an order that is theirs, not that of the files.

    Those of other symbols are left out.
    """
    known = _factors(table.filter(pc.is_in(table["symbol"], pa.array(symbols, pa.string()))))
    known = known.sort_by(
        [(name, "ascending") for name in ("knowledge_time", "symbol", "ex_session", "kind", "factor")]
    )
    return Actions(
        _codes(known["symbol"], symbols),
        _integers(known["ex_session"], pa.int32()),
        _integers(known["knowledge_time"], pa.int64()),
        _floats(known["factor"]),
        _booleans(pc.equal(known["kind"], "split")),
    )


def _factors(table: pa.Table) -> pa.Table:
    """Actions without rows that name listings; NaN where another security takes a symbol."""
    if not pc.any(pc.is_in(table["kind"], pa.array(LISTING_KINDS))).as_py():
        return table
    parted = part_series(pl.DataFrame(pl.from_arrow(table))).to_arrow()
    return parted.select(table.column_names).cast(table.schema)


def filings_of(table: pa.Table, symbols: tuple[str, ...]) -> Filings:
    """Rows of ``market.fundamentals`` (``FILING_COLUMNS``); those of other symbols are left out."""
    known = table.filter(pc.is_in(table["symbol"], pa.array(symbols, pa.string())))
    return Filings(
        _codes(known["symbol"], symbols),
        _integers(known["period_end"], pa.int32()),
        _integers(known["knowledge_time"], pa.int64()),
        _booleans(pc.equal(known["doc_type"], "10-K")),
        _booleans(known["amended"]),
        np.stack([_floats(known[name]) for name in FIGURES]),
    )


def _names(chunk: pa.Array) -> pa.Array:
    """The different texts of a chunk of a column, whether it is stored as a dictionary or not; some may not occur."""
    return chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk.unique()


def _codes(column: pa.ChunkedArray, symbols: tuple[str, ...]) -> Ints:
    places = pa.array(symbols, pa.string())
    chunks = [
        pc.index_in(chunk.dictionary, places).take(chunk.indices)
        if pa.types.is_dictionary(chunk.type)
        else pc.index_in(chunk, places)
        for chunk in column.chunks
    ]
    return np.concatenate([np.zeros(0, np.int64), *(codes.to_numpy(zero_copy_only=False) for codes in chunks)]).astype(
        np.int64
    )


def _integers(column: pa.ChunkedArray, storage: pa.DataType | None = None) -> Ints:
    stored = column if storage is None else column.cast(storage)
    return np.asarray(pc.fill_null(stored.cast(pa.int64()), 0).to_numpy(), dtype=np.int64)


def _booleans(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(column.fill_null(False).to_numpy(), dtype=np.bool_)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)  # nulls become NaN
