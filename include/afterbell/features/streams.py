"""Arrow batches sorted by symbol to panels of bounded size; what runs inside ``mapInArrow``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterbell.features.grid import FIELDS, Actions, Bars, Floats, Ints, Panel, SessionGrid
from afterbell.features.panel import panel

CELLS = 1 << 17
"""Most cells (symbols x sessions) of a panel: two layers of five fields take 10 MB, however large the market."""


def panels(
    batches: Iterator[pa.RecordBatch], grid: SessionGrid, max_age: int | None, cells: int = CELLS
) -> Iterator[tuple[pa.Array, Panel]]:
    """Panels of whole symbols, at most ``cells`` cells each (one symbol at least), with their symbols' names.

    Args:
        batches: rows of ``rows_spark.long_rows``, all rows of a symbol side by side.
        grid: the session grid.
        max_age: as in ``grid.panel``.
        cells: the bound.
    """
    for table in _whole_symbols(batches, cells):
        encoded = table["symbol"].combine_chunks().dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        step = max(1, cells // len(grid.days))
        for start in range(0, len(encoded.dictionary), step):
            names = encoded.dictionary[start : start + step]
            inside = (codes >= start) & (codes < start + step)
            yield (
                names,
                _panel(table.filter(pa.array(inside)), codes[inside] - start, grid, len(names), max_age),
            )


def _whole_symbols(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Gather ``rows`` rows at least, then cut before the last symbol, which may not be complete."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        held.append(batch)
        count += batch.num_rows
        if count < rows:
            continue
        table = pa.Table.from_batches(held)
        cut = pc.index(table["symbol"], table["symbol"][-1]).as_py()
        if cut:
            yield table.slice(0, cut)
        held = table.slice(cut).combine_chunks().to_batches()
        count = sum(part.num_rows for part in held)
    if held:
        yield pa.Table.from_batches(held)


def _panel(table: pa.Table, codes: Ints, grid: SessionGrid, n_symbols: int, max_age: int | None) -> Panel:
    is_bar = pc.is_null(table["kind"]).to_numpy()
    split = pc.equal(table["kind"], "split").fill_null(False).to_numpy()
    session = _integers(table["session"], pa.int32())
    knowledge = _integers(table["knowledge_time"], pa.int64())
    values = np.stack([_floats(table[name])[is_bar] for name in FIELDS])
    bars = Bars(codes[is_bar], session[is_bar], knowledge[is_bar], _integers(table["revision"])[is_bar], values)
    other = ~is_bar
    actions = Actions(codes[other], session[other], knowledge[other], _floats(table["factor"])[other], split[other])
    return panel(bars, actions, grid, n_symbols, max_age)


def _integers(column: pa.ChunkedArray, storage: pa.DataType | None = None) -> Ints:
    found = column if storage is None else column.cast(storage)
    filled = pc.fill_null(found.cast(pa.int64()), 0)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)  # nulls become NaN
