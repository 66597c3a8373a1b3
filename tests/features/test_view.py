"""What a session sees of its past: worked out by hand, and by brute force over the rows a vendor delivered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from afterbell.features.grid import FIELDS, Floats
from afterbell.features.view import SERIES, View
from tests.features.worlds import World, cut_off, drawn

NAN = float("nan")
DEPTH = 12
SYMBOLS, SESSIONS = 9, 70


def look(world: World, last: int, depth: int, *wanted: str, first: int = 0, column: int | None = None) -> Any:
    """The series that were asked for as seen from a session, by name; shape ``(depth + 1, symbols)``."""
    n_symbols = 1 + max(row[0] for row in world.bars)
    view = View(world.panel(first, last, n_symbols), depth, frozenset(wanted))
    view.look(last - first if column is None else column)
    return {name: view.series[SERIES.index(name)] for name in SERIES}


def seen(world: World, last: int, depth: int, name: str, **where: int) -> list[float]:
    """One series of the first symbol, the newest value first."""
    found: list[float] = look(world, last, depth, name, **where)[name][:, 0].tolist()
    return found


def alike(*values: float) -> Any:
    return pytest.approx(list(values), nan_ok=True)


def test_a_split_moves_prices_and_volumes_before_it_into_the_sessions_own_units() -> None:
    world = World().series([100.0, 102.0, 51.0, 52.0], [1000.0, 1100.0, 2400.0, 2500.0])
    world.action(0, 2, 0.5, split=True)
    assert seen(world, 3, 3, "close") == alike(52, 51, 51, 50)
    assert seen(world, 3, 3, "volume") == alike(2500, 2400, 2200, 2000)
    assert seen(world, 3, 3, "return") == alike(52 / 51 - 1, 0, 0.02, NAN)
    assert seen(world, 3, 3, "dollars") == alike(130_000, 122_400, 112_200, 100_000)


def test_a_dividend_moves_prices_and_no_volumes() -> None:
    world = World().series([100.0, 98.0], [1000.0, 1100.0])
    world.action(0, 1, 0.98)
    assert seen(world, 1, 1, "close") == alike(98, 98)
    assert seen(world, 1, 1, "volume") == alike(1100, 1000)


def test_factors_of_actions_on_one_and_on_several_sessions_multiply() -> None:
    world = World().series([100.0] * 4, [1000.0] * 4)
    world.action(0, 1, 0.9)
    world.action(0, 3, 0.5, split=True)
    world.action(0, 3, 0.8)
    assert seen(world, 3, 3, "close") == alike(100, 40, 40, 36)
    assert seen(world, 3, 3, "volume") == alike(1000, 2000, 2000, 2000)


def test_series_made_of_others_by_hand() -> None:
    world = World()
    world.bar(0, 0, 10.0, 100.0, ohl=(9.0, 12.0, 8.0))
    world.bar(0, 1, 11.0, 0.0, ohl=(10.0, 13.0, 9.0))
    world.bar(0, 2, 22.0, 50.0, ohl=(20.0, 24.0, 20.0))
    assert seen(world, 2, 2, "typical") == alike(22, 11, 10)
    assert seen(world, 2, 2, "log_volume") == alike(math.log(51), 0, math.log(101))
    assert seen(world, 2, 2, "return") == alike(1, 0.1, NAN)
    assert seen(world, 2, 2, "log_volume_ratio") == alike(NAN, 0, NAN)
    assert seen(world, 2, 2, "flow") == alike(50, 0, NAN)
    assert seen(world, 2, 2, "impact") == alike(1 / (22 * 50), NAN, NAN)


def test_a_session_without_a_bar_is_nan_and_so_are_the_moves_beside_it() -> None:
    world = World().series([10.0, None, 12.0, 15.0])
    assert seen(world, 3, 3, "close") == alike(15, 12, NAN, 10)
    assert seen(world, 3, 3, "return") == alike(0.25, NAN, NAN, NAN)
    assert seen(world, 3, 3, "log_volume_ratio") == alike(math.log(2), NAN, NAN, NAN)


def test_a_restated_bar_is_seen_from_the_session_on_by_whose_cut_off_it_was_known() -> None:
    world = World().series([10.0, 20.0, 30.0, 40.0])
    world.bar(0, 1, 21.0, 5000.0, known=2)
    world.bar(0, 1, 22.0, 6000.0, known=3)
    closes = [seen(world, 3, 3, "close", column=session)[session - 1] for session in (1, 2, 3)]
    assert closes == [20.0, 21.0, 22.0]
    ratios = [seen(world, 3, 3, "log_volume_ratio", column=session)[session - 1] for session in (1, 2, 3)]
    assert ratios == alike(math.log(2), math.log(6), math.log(7))
    later = [seen(world, 3, 3, "log_volume_ratio", column=session)[session - 2] for session in (2, 3)]
    assert later == alike(math.log(1 + 1 / 5), math.log(1 + 1 / 6))


def test_a_late_a_corrected_and_a_withdrawn_action_count_from_the_session_on_that_knew_it() -> None:
    world = World().series([100.0] * 6)
    world.action(0, 1, 0.5, split=True, known=2)
    world.action(0, 1, 0.25, split=True, known=3)
    world.action(0, 1, 1.0, split=True, known=5)
    first = [seen(world, 5, 5, "close", column=session)[session] for session in range(6)]
    assert first == [100.0, 100.0, 50.0, 25.0, 25.0, 100.0]


def test_an_action_known_before_takes_effect_on_its_ex_session() -> None:
    world = World().series([100.0] * 4)
    world.action(0, 3, 0.5, split=True, known=0)
    first = [seen(world, 3, 3, "close", column=session)[session] for session in range(4)]
    assert first == [100.0, 100.0, 100.0, 50.0]


def test_a_split_between_two_sessions_leaves_a_steady_volume_steady() -> None:
    world = World().series([90.0, 30.0, 30.0], [100.0, 300.0, 300.0])
    world.action(0, 1, 1 / 3, split=True, known=2)
    assert seen(world, 2, 2, "log_volume_ratio", column=1) == alike(math.log(4), NAN, NAN)
    assert seen(world, 2, 2, "log_volume_ratio") == alike(math.log(2), math.log(2), NAN)
    assert seen(world, 2, 2, "log_volume") == alike(*[math.log(301)] * 3)


@pytest.mark.parametrize("name", SERIES)
def test_a_grid_that_begins_later_than_the_look_back_shows_nothing_before(name: str) -> None:
    world = World().series([10.0, 11.0, 12.0, 13.0], [100.0, 200.0, 300.0, 400.0])
    world.action(0, 2, 0.5, split=True)
    world.action(0, 0, 0.5, split=True)
    found = seen(world, 3, 6, name, first=1)
    moves = name in ("return", "log_volume_ratio", "flow", "impact")
    assert [math.isnan(value) for value in found] == [False, False, moves, True, True, True, True]
    whole = seen(world, 3, 6, name)
    assert found[: 2 if moves else 3] == whole[: 2 if moves else 3]


def test_a_second_look_leaves_nothing_of_the_first() -> None:
    world = World().series([10.0, 20.0, 40.0, None])
    world.bar(1, 0, 1.0)
    view = View(world.panel(0, 3, 2), 2, frozenset(SERIES))
    view.look(2)
    view.look(1)
    fresh = View(world.panel(0, 3, 2), 2, frozenset(SERIES))
    fresh.look(1)
    np.testing.assert_array_equal(view.series, fresh.series)


def test_only_series_that_were_asked_for_and_what_they_are_made_of_are_filled() -> None:
    found = look(World().series([10.0, 20.0]), 1, 1, "log_volume")
    assert {name for name in SERIES if np.isfinite(found[name]).any()} == {"volume", "log_volume"}


@pytest.mark.parametrize("wanted", SERIES)
def test_a_series_asked_for_alone_is_the_same_as_among_all(wanted: str) -> None:
    world = drawn(2, 3, 20)
    np.testing.assert_array_equal(look(world, 19, 8, wanted)[wanted], look(world, 19, 8, *SERIES)[wanted])


def known(rows: list[tuple[Any, ...]], key: tuple[int, int], session: int) -> list[tuple[Any, ...]]:
    """The rows of (symbol, session) known by the cut-off of ``session``, the newest last."""
    return sorted((row for row in rows if row[:2] == key and row[2] <= cut_off(session)), key=lambda row: row[2:4])


def brute(world: World, symbol: int, session: int) -> dict[str, Floats]:
    """Bars of the last ``DEPTH`` sessions in the units of ``session``, row by row."""
    found = np.full((len(FIELDS) + 1, DEPTH + 1), NAN)
    price, shares = 1.0, 1.0
    for age in range(min(DEPTH, session) + 1):
        bars = known(world.bars, (symbol, session - age), session)
        if bars:
            *prices, volume = bars[-1][4:]
            found[:, age] = [*(value * price for value in prices), volume / shares, prices[3] * volume]
        moves = known(world.actions, (symbol, session - age), session)
        newest = {split: factor for *_, moment, factor, split in moves if moment == moves[-1][2]}
        price *= newest.get(True, 1.0) * newest.get(False, 1.0)
        shares *= newest.get(True, 1.0)
    return dict(zip((*FIELDS, "dollars"), found, strict=True))


def others(f: dict[str, Floats]) -> dict[str, Floats]:
    """The series that are made of bars."""
    before = {name: np.append(f[name][1:], NAN) for name in ("close", "volume")}
    returns = f["close"] / before["close"] - 1
    return {
        "typical": (f["high"] + f["low"] + f["close"]) / 3,
        "log_volume": np.log(f["volume"] + 1),
        "return": returns,
        "log_volume_ratio": np.log(f["volume"] / np.where(before["volume"] > 0, before["volume"], NAN) + 1),
        "flow": np.abs(returns) * f["volume"],
        "impact": np.abs(returns) / np.where(f["dollars"] > 0, f["dollars"], NAN),
    }


def test_every_session_of_a_drawn_market_sees_what_brute_force_finds() -> None:
    world = drawn(9, SYMBOLS, SESSIONS)
    view = View(world.panel(0, SESSIONS - 1, SYMBOLS), DEPTH, frozenset(SERIES))
    for session in range(SESSIONS):
        view.look(session)
        for symbol in range(SYMBOLS):
            expected = brute(world, symbol, session)
            expected |= others(expected)
            for name, values in expected.items():
                np.testing.assert_allclose(
                    view.series[SERIES.index(name), :, symbol], values, rtol=1e-11, atol=1e-13, err_msg=name
                )
