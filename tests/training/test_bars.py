"""Symbols and bars from tables that are read by months."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from afterbell.errors import PermanentError
from afterbell.features.grid import SessionGrid
from afterbell.training.bars import KnownBars, list_symbols, months_of
from tests.features.worlds import World, cut_off, grid
from tests.training.memory import Memory, market


def test_symbols_are_told_by_their_bars_alone() -> None:
    world = World().series([1.0] * 9, symbol=3).series([1.0] * 3, symbol=1)
    world.bar(7, 8, 1.0, known=9)
    listing = list_symbols(market(world)[0], grid(0, 8))
    assert listing.tickers == ("S01", "S03")
    assert listing.ends.tolist() == [2, 9]  # S01 is gone after 2; S03 has not ended
    assert listing.codes(pl.Series(["S03", "S07", "S01"])).tolist() == [1, -1, 0]


def test_a_session_is_seen_as_it_was_known_at_its_own_cut_off() -> None:
    world = World().series([10.0, 11.0, 12.0])
    world.bar(0, 1, 99.0, known=1)
    world.bar(0, 1, 77.0, known=2)
    world.bars = [row if row[1] != 2 else (*row[:2], cut_off(3), *row[3:]) for row in world.bars]
    bars = market(world)[0]
    sessions = grid(0, 3)
    seen = KnownBars(bars, sessions, list_symbols(bars, sessions)).at_own_cut_off(0)
    assert sorted(seen.select("session", "close").rows()) == [(0, 10.0), (1, 99.0)]


def test_a_bar_on_a_day_without_a_session_is_refused() -> None:
    bars = market(World().series([1.0] * 4))[0]
    all_days = grid(0, 3)
    some = SessionGrid(all_days.days[[0, 1, 3]], all_days.cut_offs[[0, 1, 3]])
    listing = list_symbols(Memory(bars.frame.filter(pl.col("session") != date(1970, 1, 3))), some)
    with pytest.raises(PermanentError, match="no session of the grid"):
        KnownBars(bars, some, listing).month(0)


def test_months_are_counted_from_january_1970() -> None:
    days = grid(0, 800).days[[0, 30, 31, 365, 730]]  # 1 and 31 January, 1 February, new year's days
    assert months_of(days).tolist() == [0, 0, 1, 12, 24]


def test_months_that_are_forgotten_are_read_again() -> None:
    world = World().series([float(session) for session in range(400)])
    bars, sessions = market(world)[0], grid(0, 399)
    seen = KnownBars(bars, sessions, list_symbols(bars, sessions))
    assert [seen.month(month)["close"].min() for month in (*range(12), 0)] == [
        0.0, 31.0, 59.0, 90.0, 120.0, 151.0, 181.0, 212.0, 243.0, 273.0, 304.0, 334.0, 0.0,
    ]  # fmt: skip
    assert seen.month(50).is_empty()
