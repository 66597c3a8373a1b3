"""The work of a task: read its months of the lake, compute their holes, write a file a month; no engine in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from afterbell.config.runtime import S3Location
from afterbell.features.carried import ancestors, carry_actions, carry_bars
from afterbell.features.compute import FeatureRows, compute
from afterbell.features.factors import FactorSet
from afterbell.features.filings import Filings
from afterbell.features.grid import Actions, Bars, SessionGrid
from afterbell.features.slices import HoleSlice
from afterbell.features.tables import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    FILING_COLUMNS,
    actions_of,
    bars_of,
    filings_of,
    symbols_of,
    within,
)
from afterbell.lake.files import FileWriter, NewFile
from afterbell.lake.listings import withhold
from afterbell.lake.scan import LakeFile, read_columns
from afterbell.lake.shape import Shape
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS, Table

_ROWS_AT_ONCE = 100_000
"""Rows that are computed before they are written: 158 factors of them take 63 MB."""


@dataclass(frozen=True)
class Sources:
    """Where the inputs of a run lie, at its snapshots.

    Attributes:
        bars: files of ``market.bars`` by month.
        actions: files of ``market.corporate_actions``.
        s3: where S3 is, if the lake is there.
        filings: files of ``market.fundamentals``; None for a set that reads none.
        holds: rows of ``market.corporate_actions`` of kind ``wrong_listing``, of all sessions; None if there are none.
        renames: the same of kind ``symbol_renamed``.
    """

    bars: Mapping[int, tuple[LakeFile, ...]]
    actions: tuple[LakeFile, ...]
    s3: S3Location
    filings: tuple[LakeFile, ...] | None = None
    holds: pl.DataFrame | None = None
    renames: pl.DataFrame | None = None

    def rows(self, files: Sequence[LakeFile], table: Table, columns: pa.Schema) -> pa.Table:
        """All rows of some files."""
        tables = [read_columns(file, table.name, self.s3, columns.names) for file in files]
        return pa.concat_tables(tables) if tables else columns.empty_table()


class Months:
    """Bars by month, kept while a task may still look back at them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._held: dict[int, list[pa.Table]] = {}

    def of(self, months: Sequence[int]) -> list[pa.Table]:
        """The bars of neighbouring months; earlier ones are released."""
        self._held = {month: tables for month, tables in self._held.items() if month >= months[0]}
        for month in months:
            if month not in self._held:
                files = self._sources.bars.get(month, ())
                self._held[month] = [
                    without_held(
                        read_columns(file, BARS.name, self._sources.s3, BAR_COLUMNS, ["symbol"]), self._sources.holds
                    )
                    for file in files
                ]
        return [table for month in months for table in self._held[month]]


def without_held(bars: pa.Table, holds: pl.DataFrame | None) -> pa.Table:
    """Rows of ``market.bars`` without bars of another security; the same table where none is held."""
    if holds is None or holds.is_empty():
        return bars
    if not pc.any(pc.is_in(bars["symbol"].cast(pa.string()), _held_symbols(holds))).as_py():
        return bars
    kept = withhold(pl.DataFrame(pl.from_arrow(bars)).with_columns(pl.col("symbol").cast(pl.String)), holds).to_arrow()
    return pa.table({field.name: kept[field.name].cast(_plain_type(field.type)) for field in bars.schema})


def _held_symbols(holds: pl.DataFrame) -> pa.Array:
    return pa.array(holds["symbol"].unique().to_list(), pa.string())


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def fill(
    work: Sequence[HoleSlice], sources: Sources, factors: FactorSet, shape: Shape, constants: Mapping[str, object]
) -> Iterator[NewFile]:
    """Compute and write the holes of a task's slices; a file a month that has any row.

    Args:
        work: neighbouring slices.
        sources: where to read.
        factors: the set.
        shape: of its table.
        constants: columns beside symbol, session and the factors, the same in all rows.
    """
    months = Months(sources)
    actions = sources.rows(sources.actions, CORPORATE_ACTIONS, ACTION_COLUMNS)
    filings = None if sources.filings is None else sources.rows(sources.filings, FUNDAMENTALS, FILING_COLUMNS)
    for month_slice in work:
        pieces = slice_rows(month_slice, months.of(month_slice.months), actions, factors, filings, sources.renames)
        first = next(pieces, None)
        if first is None:
            continue
        with FileWriter(shape, f"{shape.field}={month_slice.month}", sources.s3) as writer:
            for names, rows in chain([first], pieces):
                writer.write(to_table(names, rows, factors, shape, constants))
        yield writer.made


def slice_rows(
    month_slice: HoleSlice,
    bars: Sequence[pa.Table],
    actions: pa.Table,
    factors: FactorSet,
    filings: pa.Table | None = None,
    renames: pl.DataFrame | None = None,
) -> Iterator[tuple[tuple[str, ...], FeatureRows]]:
    """The feature rows of a slice, ordered by session and symbol, in pieces of bounded size, with the symbols' names.

    Args:
        month_slice: the slice.
        bars: rows of ``market.bars`` of its months, ``BAR_COLUMNS``.
        actions: rows of ``market.corporate_actions``, ``ACTION_COLUMNS``.
        factors: the set.
        filings: rows of ``market.fundamentals``, ``FILING_COLUMNS``, for a set that reads them.
        renames: rows of ``market.corporate_actions`` of kind ``symbol_renamed``, ``RENAME_COLUMNS``.
    """
    grid = month_slice.grid
    inside = [within(table, "session", grid) for table in bars]
    pairs = None if renames is None else ancestors(renames, grid)
    if pairs is not None and pairs.height:
        carried = carry_bars(inside, pairs, grid)
        inside = inside if carried is None else [*inside, carried]
        actions = carry_actions(actions, pairs)
    symbols = symbols_of(inside)
    if not symbols:
        return
    known = bars_of(inside, symbols)
    del inside  # a copy of some months that is not read again
    moves = actions_of(within(actions, "ex_session", grid, factors.history), symbols)
    filed = None if filings is None else filings_of(within(filings, "period_end", grid, factors.history), symbols)
    step = max(1, _ROWS_AT_ONCE // len(symbols))
    for begin in range(0, len(month_slice.hole_columns), step):
        columns = np.array(month_slice.hole_columns[begin : begin + step], dtype=np.int64)
        rows = _compute_piece(known, moves, grid, len(symbols), factors, columns, filed)
        if len(rows.symbol):
            yield symbols, rows


def _compute_piece(
    bars: Bars, actions: Actions, grid: SessionGrid, n_symbols: int, factors: FactorSet, columns: npt.NDArray[np.int64],
    filings: Filings | None,
) -> FeatureRows:  # fmt: skip
    """Rows of some columns; what lies outside their look-back is left aside, so that a piece costs what it spans."""
    first, last = max(0, int(columns[0]) - factors.depth), int(columns[-1])
    if (first, last) != (0, len(grid.days) - 1):
        begin, end = int(grid.days[first]), int(grid.days[last])
        bars = bars.where((bars.session >= begin) & (bars.session <= end))
        actions = actions.where((actions.session >= begin - factors.history) & (actions.session <= end))
        grid = grid.part(first, last + 1)
    return compute(bars, actions, grid, n_symbols, factors, columns - first, filings)


def to_table(
    names: tuple[str, ...], rows: FeatureRows, factors: FactorSet, shape: Shape, constants: Mapping[str, object]
) -> pa.Table:
    """Feature rows as the table has them; NaN is null, so that SQL's averages leave it out."""
    n = len(rows.symbol)
    columns = {name: _nullable_array(values) for name, values in zip(factors.names, rows.values, strict=True)}
    columns["symbol"] = pa.array(names, pa.string()).take(pa.array(rows.symbol))
    columns["session"] = pa.array(rows.session.astype(np.int32)).cast(pa.date32())
    for name, value in constants.items():
        columns[name] = pa.repeat(pa.scalar(value, shape.schema.field(name).type), n)
    arrays = [columns.get(field.name) for field in shape.schema]
    filled = [
        pa.nulls(n, field.type) if array is None else array for field, array in zip(shape.schema, arrays, strict=True)
    ]
    return pa.Table.from_arrays(filled, schema=shape.schema)


def _nullable_array(values: npt.NDArray[np.float32]) -> pa.Array:
    missing = np.isnan(values)
    count = int(missing.sum())
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes()) if count else None
    return pa.Array.from_buffers(pa.float32(), len(values), [valid, pa.py_buffer(values)], null_count=count)
