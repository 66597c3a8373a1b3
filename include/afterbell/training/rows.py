"""The feature rows of a calendar month: read from one or more factor sets, joined, filtered, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afterbell.errors import ConfigError, PermanentError, StaleInputError
from afterbell.features.grid import Ints, SessionGrid, from_day
from afterbell.training.bars import Listing, Monthly, days_of

_KEY = ["symbol", "session"]


@dataclass(frozen=True)
class SetRows:
    """A factor set: its name, its columns in their order, and the rows of one definition up to the run's session."""

    name: str
    columns: tuple[str, ...]
    rows: Monthly


@dataclass(frozen=True)
class TrainingRows:
    """Rows ordered by session and symbol.

    Attributes:
        features: float32 (rows,) of each column, finite or NaN.
        session: ordinals.
        symbol: codes.
        dollars: float32 (rows,), the trailing median of dollars traded.
    """

    features: tuple[NDArray[np.float32], ...]
    session: Ints
    symbol: Ints
    dollars: NDArray[np.float32]


def column_names(sets: Sequence[SetRows]) -> tuple[str, ...]:
    """The columns of all sets, in their order.

    Raises:
        ConfigError: two sets have a column of the same name.
    """
    owner: dict[str, str] = {}
    for factor_set in sets:
        shared = [name for name in factor_set.columns if name in owner]
        if shared:
            raise ConfigError(
                f"feature_sets of the model specification: {', '.join(shared)} are in {owner[shared[0]]} and in "
                f"{factor_set.name}, and a model identifies its features by their names: leave one of the two sets out"
            )
        owner |= dict.fromkeys(factor_set.columns, factor_set.name)
    return tuple(owner)


def month_rows(
    sets: Sequence[SetRows],
    month: int,
    grid: SessionGrid,
    listing: Listing,
    allowed: tuple[int, NDArray[np.float32]],
    min_share: float,
) -> TrainingRows:
    """The rows of a month that may be traded and have enough finite features.

    Args:
        sets: a row is in each of them.
        month: counted from January 1970.
        grid: the run's sessions.
        listing: the symbols.
        allowed: the ordinal of the month's first session, and the median of dollars traded of each row, float32
            ``(sessions, symbols)``: NaN where it may not be traded.
        min_share: of a row's features that are finite.

    Raises:
        PermanentError: a row lies on a day that is no session of the grid.
        StaleInputError: a (symbol, session) occurs more than once.
    """
    names = column_names(sets)
    frames = [factor_set.rows.read(month, [*_KEY, *factor_set.columns]) for factor_set in sets]
    frame = reduce(lambda left, right: left.join(right, on=_KEY, how="inner"), frames)
    frames.clear()
    session, symbol = _ordinals(frame["session"], grid), listing.codes(frame["symbol"])
    first, dollars = allowed
    inside = np.flatnonzero(symbol >= 0)
    inside = inside[np.isfinite(dollars[session[inside] - first, symbol[inside]])]
    # A column leaves the frame as its rows are taken, so that a month is held once; null becomes NaN.
    columns = [frame.drop_in_place(name).cast(pl.Float32).to_numpy()[inside] for name in names]
    finite = np.zeros(inside.size, np.int64)
    for column in columns:
        # An infinite factor has no more information than a missing one, and would spoil means and standard deviations.
        known = np.isfinite(column)
        column[~known] = np.nan
        finite += known
    session, symbol = session[inside], symbol[inside]
    key = session * len(listing.tickers) + symbol
    kept = np.flatnonzero(finite >= min_share * len(names))
    kept = kept[np.argsort(key[kept], kind="stable")]
    _require_unique(key[kept])
    for number, column in enumerate(columns):
        columns[number] = column[kept]
    session, symbol = session[kept], symbol[kept]
    return TrainingRows(tuple(columns), session, symbol, dollars[session - first, symbol])


def _ordinals(sessions: pl.Series, grid: SessionGrid) -> Ints:
    days = days_of(sessions)
    ordinals = np.minimum(np.searchsorted(grid.days, days), len(grid.days) - 1)
    outside = grid.days[ordinals] != days
    if outside.any():
        raise PermanentError(
            f"{int(outside.sum())} feature rows lie outside the run's sessions, the first on "
            f"{from_day(int(days[outside].min()))}; expected none but on the exchange's sessions: clear the task "
            "`features`"
        )
    return ordinals.astype(np.int64)


def _require_unique(key: Ints) -> None:
    count = int((np.diff(key) == 0).sum())
    if count:
        raise StaleInputError(
            f"{count} (symbol, session) pairs occur more than once in the features of this snapshot and definition; "
            "expected each once: clear the task 'features' and all after it"
        )
