"""Bars of another security in training: no label reaches into them, and their symbol has not been delisted."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from afterbell.lake.listings import HOLD_COLUMNS
from afterbell.training.bars import KnownBars, WithoutHeld, list_symbols
from afterbell.training.labels import Labels, known_factors
from tests.training.memory import Memory, bars_of, grid_of, weekdays

DAYS = weekdays(date(2020, 1, 6), 10)
CLOSES = [100.0, 101.0, 102.0, 103.0, 20.0, 20.1, 20.2, 20.3, 20.4, 20.5]
AT = datetime(2020, 1, 10, 12, tzinfo=UTC)
HOLD = pl.DataFrame([("A", DAYS[4], "wrong_listing", "held", AT, 103.0, 20.0, 1.0)],
                    schema=[*HOLD_COLUMNS, "factor"], orient="row")  # fmt: skip


def labels(actions: pl.DataFrame) -> list[float]:
    grid = grid_of(DAYS)
    rows = pl.DataFrame({"symbol": ["A"] * 10, "session": DAYS, "close": CLOSES, "volume": [1000] * 10})
    bars = Memory(bars_of(rows))
    listing = list_symbols(bars, grid)
    known = KnownBars(WithoutHeld(bars, actions), grid, listing)
    return Labels(known, actions, grid, listing, (1,)).of(0, 9)[0, :, 0].tolist()


def test_no_label_reaches_into_held_bars_and_none_stands_for_a_delisting() -> None:
    found = labels(HOLD)
    assert np.isfinite(found).tolist() == [True, True] + [False] * 8
    assert found[1] == np.float32(103.0 / 102.0 - 1)


def test_without_the_hold_the_fall_is_a_label() -> None:
    assert labels(HOLD.head(0))[2] == np.float32(20.0 / 103.0 - 1)


def test_a_row_about_a_listing_takes_no_factors_place() -> None:
    dividend = HOLD.with_columns(kind=pl.lit("dividend"), factor=pl.lit(0.99))
    grid = grid_of(DAYS)
    rows = pl.DataFrame({"symbol": ["A"] * 10, "session": DAYS, "close": CLOSES, "volume": [1000] * 10})
    listing = list_symbols(Memory(bars_of(rows)), grid)
    _, _, factors = known_factors(pl.concat([dividend, HOLD]), grid, listing)
    assert factors.tolist() == [0.99]
