"""From tables to the files of a matrix, a calendar month at a time: the memory is that of a month, however many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afterbell.errors import PermanentError
from afterbell.features.grid import SessionGrid, from_day
from afterbell.lake.unseen import crossed
from afterbell.training.bars import Listing, Monthly, list_symbols, months_of
from afterbell.training.columns import ColumnFile
from afterbell.training.labels import Labels
from afterbell.training.matrix import ARRAYS, INDEX, session_starts
from afterbell.training.rows import SetRows, TrainingRows, column_names, month_rows
from afterbell.training.spec import ModelSpec
from afterbell.training.targets import session_targets
from afterbell.training.universe import open_universe


@dataclass(frozen=True)
class MatrixInputs:
    """The inputs of a matrix.

    Attributes:
        sets: the factor sets; a row of the matrix has a row in each.
        bars: rows of ``market.bars``.
        actions: rows of ``market.corporate_actions``.
        grid: the exchange's sessions from the first feature's to the run's.
        unseen: sessions about whose corporate actions nothing was shown; empty where their rows are kept.
    """

    sets: tuple[SetRows, ...]
    bars: Monthly
    actions: pl.DataFrame
    grid: SessionGrid
    unseen: frozenset[date] = frozenset()


def build(inputs: MatrixInputs, spec: ModelSpec, folder: Path, made_from: Mapping[str, object]) -> int:
    """Write the rows in the universe, ordered by session and symbol, into ``folder``; see ``matrix``.

    Args:
        inputs: what goes in.
        spec: universe, horizons and target.
        folder: where to write; it exists.
        made_from: stored in the index.

    Returns:
        How many rows there are.

    Raises:
        ConfigError: a column is in two of the sets.
        PermanentError: no row or no label is left, or a row lies on a day that is no session of the grid.
        StaleInputError: a (symbol, session) occurs more than once.
    """
    names = column_names(inputs.sets)
    listing = list_symbols(inputs.bars, inputs.grid)
    room = min(factor_set.rows.room for factor_set in inputs.sets)
    with ExitStack() as stack:
        opened = _open_files(folder, len(names), len(spec.horizons), room)
        files = [stack.enter_context(closing(file)) for file in opened]
        labelled = False
        for rows, labels in _months(inputs, spec, listing):
            starts = session_starts(rows.session)
            targets = [session_targets(column, starts, spec.target) for column in labels]
            parts: tuple[Any, ...] = (rows.features, labels, targets, [rows.session], [rows.symbol], [rows.dollars])
            for file, part in zip(files, parts, strict=True):
                file.append(part)
            labelled = labelled or bool(np.isfinite(labels).any())
        _require_labelled_rows(files[0].rows, room, labelled=labelled)
        for file in files:
            file.close_up()
    index = {
        "names": names,
        "horizons": spec.horizons,
        "grid": [from_day(int(day)).isoformat() for day in inputs.grid.days],
        "tickers": listing.tickers,
        "sets": {factor_set.name: factor_set.columns for factor_set in inputs.sets},
        "made_from": made_from,
    }
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    return files[0].rows


def _open_files(folder: Path, features: int, horizons: int, room: int) -> list[ColumnFile]:
    shapes = (("f4", features), ("f4", horizons), ("f4", horizons), ("i4", None), ("i4", None), ("f4", None))
    return [
        ColumnFile(folder / f"{name}.npy", dtype, columns, room)
        for name, (dtype, columns) in zip(ARRAYS, shapes, strict=True)
    ]


def _months(
    inputs: MatrixInputs, spec: ModelSpec, listing: Listing
) -> Iterator[tuple[TrainingRows, NDArray[np.float32]]]:
    """The rows of each month that has any, and their labels, float32 ``(horizons, rows)``."""
    grid = inputs.grid
    universe, bars = open_universe(spec.universe, inputs.bars, inputs.actions, grid, listing)
    labels = Labels(bars, inputs.actions, grid, listing, spec.horizons)
    looked_back, ahead = _crossing(inputs, spec)
    months = months_of(grid.days)
    for month in np.unique(months).tolist():
        first, last = (int(end) for end in np.flatnonzero(months == month)[[0, -1]])
        dollars = np.full((last + 1 - first, len(listing.tickers)), np.nan, np.float32)
        traded = universe.tradable(bars.at_own_cut_off(month))
        dollars[traded["session"].to_numpy() - first, traded["symbol"].to_numpy()] = traded["dollars"].to_numpy()
        rows = month_rows(inputs.sets, month, grid, listing, (first, dollars), spec.universe.min_feature_share)
        rows = _without_unseen(rows, looked_back)
        if rows.session.size:
            month_labels = labels.of(first, last)[:, rows.session - first, rows.symbol]
            for number, crossing in enumerate(ahead):
                month_labels[number, crossing[rows.session]] = np.nan
            yield rows, month_labels


def _without_unseen(rows: TrainingRows, crossing: NDArray[np.bool_]) -> TrainingRows:
    """The rows whose look-back crosses no session without evidence."""
    crosses = crossing[rows.session]
    if not crosses.any():
        return rows
    return TrainingRows(
        tuple(column[~crosses] for column in rows.features),
        rows.session[~crosses],
        rows.symbol[~crosses],
        rows.dollars[~crosses],
    )


def _crossing(inputs: MatrixInputs, spec: ModelSpec) -> tuple[NDArray[np.bool_], list[NDArray[np.bool_]]]:
    """By ordinal, whether a row's look-back crosses a session without evidence, and whether each label does."""
    days = [from_day(int(day)) for day in inputs.grid.days]
    back = np.array(crossed(days, inputs.unseen, spec.unseen_look_back), np.bool_)
    # A label earns what lies after the session t+1 on which is bought, up to t+1+h.
    own = np.array(crossed(days, inputs.unseen, 1), np.bool_)
    ahead = []
    for horizon in spec.horizons:
        crosses = np.zeros(len(days), np.bool_)
        for step in range(2, horizon + 2):
            crosses[: len(days) - step] |= own[step:]
        ahead.append(crosses)
    return back, ahead


def _require_labelled_rows(rows: int, room: int, *, labelled: bool) -> None:
    if not rows:
        raise PermanentError(
            f"no row is left to train on: {room} feature rows at most, none of them with enough finite features and "
            "in the universe; check the bars, or relax `universe` of the model specification"
        )
    if not labelled:
        raise PermanentError(
            f"none of {rows} rows has a label: expected bars of the sessions after them; ingest more sessions"
        )
