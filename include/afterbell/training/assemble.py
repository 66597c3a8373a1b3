"""From the collected tables to one matrix: join, filter, order; in Polars on the driver, no shuffle in Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from afterbell.errors import PermanentError
from afterbell.training.matrix import Matrix, check_order, session_starts
from afterbell.training.spec import ModelSpec
from afterbell.training.targets import session_targets
from afterbell.training.universe import tradable

_KEY = ["symbol", "session"]


def assemble(
    features: pl.DataFrame, labels: pl.DataFrame, bars: pl.DataFrame, grid: Sequence[date], spec: ModelSpec
) -> Matrix:
    """One matrix of the rows in the universe.

    Args:
        features: symbol, session, then one float32 column a factor.
        labels: symbol, session, ``label_h<h>`` for each horizon of ``spec``; NaN or null where not known.
        bars: as ``universe.tradable`` takes them.
        grid: the exchange's sessions from the first feature's to the run's.
        spec: universe, horizons and target.

    Raises:
        PermanentError: no row is left, or a session lies outside the grid.
        StaleInputError: a (symbol, session) stands more than once.
    """
    names = [name for name in features.columns if name not in _KEY]
    calendar = pl.DataFrame(
        {"session": list(grid), "ordinal": range(len(grid))}, schema_overrides={"ordinal": pl.Int32}
    )
    enough = pl.sum_horizontal(pl.col(name).is_finite().fill_null(value=False) for name in names)
    rows = (
        features.filter(enough >= spec.universe.min_feature_share * len(names))
        .join(tradable(bars, spec.universe), on=_KEY, how="semi")
        .join(labels, on=_KEY, how="left")
        .join(calendar, on="session", how="left")
        .sort("ordinal", "symbol")
    )
    _check_rows(rows, features)
    tickers = rows["symbol"].unique().sort()
    sessions = rows["ordinal"].to_numpy()
    symbols = rows["symbol"].cast(pl.Enum(tickers)).to_physical().cast(pl.Int32).to_numpy()
    check_order(sessions, symbols)
    raw = _float32(rows, [f"label_h{horizon}" for horizon in spec.horizons])
    starts = session_starts(sessions)
    targets = np.column_stack([session_targets(raw[:, k], starts, spec.target) for k in range(raw.shape[1])])
    return Matrix(
        features=_float32(rows, names),
        labels=raw,
        targets=targets,
        sessions=sessions,
        symbols=symbols,
        names=tuple(names),
        horizons=spec.horizons,
        grid=tuple(grid),
        tickers=tuple(tickers),
    )


def _check_rows(rows: pl.DataFrame, features: pl.DataFrame) -> None:
    if rows.is_empty():
        raise PermanentError(
            f"no row is left to train on: {features.height} feature rows, none of them with enough finite features and "
            "in the universe; check the bars, or relax `universe` of the model specification"
        )
    outside = rows.filter(pl.col("ordinal").is_null())
    if not outside.is_empty():
        raise PermanentError(
            f"{outside.height} feature rows lie outside the run's sessions, the first on {outside['session'].min()!r}; "
            "expected none after --session: rerun the step `features`"
        )


def _float32(rows: pl.DataFrame, names: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    out = np.empty((rows.height, len(names)), np.float32)
    for number, name in enumerate(names):
        column = rows[name].cast(pl.Float32).fill_null(float("nan")).to_numpy()
        # An infinite factor says no more than a missing one, and would spoil means and standard deviations.
        out[:, number] = np.where(np.isfinite(column), column, np.nan)
    return out
