"""Layers by age of knowledge, and blocks of symbols."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.features import panel as panel_module
from afterbell.features.factors import FactorSet
from afterbell.features.grid import FIELDS, FactorPanel, Floats, Layers
from afterbell.features.panel import action_cells, bar_cells, blocks, presence
from afterbell.features.sets import SETS
from tests.features.worlds import World, drawn, grid

CLOSE = FIELDS.index("close")
SPLIT, PAYOUT = 0, 1
SYMBOLS, SESSIONS = 11, 90


@pytest.fixture(scope="module")
def world() -> World:
    return drawn(5, SYMBOLS, SESSIONS)


def at(layers: Layers, age: int) -> Floats:
    """What was seen at that age; shape ``(fields, sessions, symbols)``."""
    return layers.arrays[[index for index, begins in enumerate(layers.ages) if begins <= age][-1]]


def test_each_layer_holds_the_newest_revision_of_its_age() -> None:
    world = World()
    world.bar(0, 0, 10.0)
    world.bar(0, 0, 11.0)  # the same moment, a higher revision
    world.bar(0, 0, 12.0, known=1)
    world.bar(0, 0, 13.0, known=3)
    bars = world.panel(0, 3, 1).bars
    assert bars.ages == (0, 1, 3)
    assert [at(bars, age)[CLOSE, 0, 0] for age in range(5)] == [11.0, 12.0, 12.0, 13.0, 13.0]


def test_a_revision_of_one_symbol_leaves_the_others_as_they_were() -> None:
    world = World().series([10.0, 11.0], symbol=0).series([20.0, 21.0], symbol=1)
    world.bar(1, 0, 22.0, known=1)
    bars = world.panel(0, 1, 2).bars
    assert at(bars, 0)[CLOSE].tolist() == [[10.0, 20.0], [11.0, 21.0]]
    assert at(bars, 1)[CLOSE].tolist() == [[10.0, 22.0], [11.0, 21.0]]


def test_a_bar_known_late_is_missing_until_then() -> None:
    world = World().series([10.0, 11.0, 12.0])
    world.bar(1, 0, 5.0, known=2)
    bars = world.panel(0, 2, 2).bars
    assert [bool(np.isnan(at(bars, age)[CLOSE, 0, 1])) for age in range(3)] == [True, True, False]


def test_revisions_older_than_any_look_are_left_out() -> None:
    world = World()
    world.bar(0, 0, 10.0)
    world.bar(0, 0, 13.0, known=3)
    assert world.panel(0, 3, 1, max_age=2).bars.ages == (0,)


def test_a_market_without_rows_is_a_panel_of_nothing() -> None:
    found = World().panel(0, 3, 2)
    assert np.isnan(at(found.bars, 0)).all()
    assert at(found.bars, 0).shape == (5, 4, 2)
    assert (at(found.actions, 2) == np.ones((2, 4, 2))).all()


def test_a_withdrawn_action_and_one_of_another_kind_replace_the_one_before() -> None:
    world = World()
    world.action(0, 1, 0.5, split=True)
    world.action(0, 1, 1.0, split=True, known=2)  # withdrawn a session later
    world.action(1, 1, 0.9, split=False)
    world.action(1, 1, 0.5, split=True, known=3)  # it was a split
    found = world.panel(0, 3, 2).actions
    assert [at(found, age)[SPLIT, 1, 0] for age in range(3)] == [0.5, 1.0, 1.0]
    assert [at(found, age)[PAYOUT, 1, 1] for age in range(3)] == [0.9, 0.9, 1.0]
    assert [at(found, age)[SPLIT, 1, 1] for age in range(3)] == [1.0, 1.0, 0.5]
    assert (at(found, 2)[PAYOUT] == 1.0).all()


@pytest.mark.parametrize("split_first", [True, False])
def test_a_split_and_a_dividend_that_became_known_together_both_hold(split_first: bool) -> None:
    world = World()
    for split in (split_first, not split_first):
        world.action(0, 1, 0.5 if split else 0.98, split=split)
    assert at(world.panel(0, 1, 1).actions, 0)[:, 1, 0].tolist() == [0.5, 0.98]


def test_a_symbol_is_present_where_a_bar_with_a_close_was_known_in_time() -> None:
    world = World().series([10.0, None, 12.0])
    world.bar(1, 0, 5.0, known=1)
    world.bar(1, 1, float("nan"))
    world.bar(1, 2, 6.0)
    cells = bar_cells(world.known(0, 2)[0], grid(0, 2), 3)
    found = presence(cells, np.array([0, 1, 2]), 3, 3)
    assert found.tolist() == [[True, False, False], [False, False, False], [True, True, False]]
    assert presence(cells, np.array([2]), 3, 3).tolist() == [[True, True, False]]


def test_a_row_on_a_day_without_a_session_is_refused() -> None:
    bars, actions = World(actions=[(0, 9, 0, 0.5, True)]).known(0, 9)
    assert len(bars.symbol) == 0
    with pytest.raises(PermanentError, match="such as 1970-01-10: quarantine them in ingest"):
        action_cells(actions, grid(0, 8), 1)


@pytest.mark.parametrize("lanes", [1, 4, 11, 64])
def test_blocks_side_by_side_are_the_panel_of_all_symbols(
    world: World, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = world.panel(0, SESSIONS - 1, SYMBOLS, max_age=9)
    monkeypatch.setattr(panel_module, "LANES", lanes)
    bars, actions = world.known(0, SESSIONS - 1)
    sessions = grid(0, SESSIONS - 1)
    cells, moves = bar_cells(bars, sessions, SYMBOLS), action_cells(actions, sessions, SYMBOLS)
    found = list(blocks(sessions, cells, moves, SYMBOLS, 9))
    assert [first for first, _ in found] == list(range(0, SYMBOLS, lanes))
    for age in range(10):
        np.testing.assert_array_equal(beside(found, age, bars=True), at(whole.bars, age))
        np.testing.assert_array_equal(beside(found, age, bars=False), at(whole.actions, age))


def beside(found: list[tuple[int, FactorPanel]], age: int, *, bars: bool) -> Floats:
    return np.concatenate([at(part.bars if bars else part.actions, age) for _, part in found], axis=2)


@pytest.fixture(scope="module")
def rows(world: World) -> dict[str, dict[tuple[int, int], bytes]]:
    return {name: world.rows(SETS[name], [40, 41, 70, 89], SYMBOLS) for name in ("core", "alpha158")}


@pytest.mark.parametrize("factors", [SETS["core"], SETS["alpha158"]], ids=lambda found: found.name)
@pytest.mark.parametrize("lanes", [1, 4, 5])
def test_rows_do_not_depend_on_how_symbols_are_cut_into_blocks(
    world: World,
    rows: dict[str, dict[tuple[int, int], bytes]],
    lanes: int,
    factors: FactorSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panel_module, "LANES", lanes)
    assert world.rows(factors, [40, 41, 70, 89], SYMBOLS) == rows[factors.name]


@pytest.mark.parametrize("lanes", [4, 256])
def test_rows_do_not_depend_on_the_order_of_what_comes_in(
    world: World, rows: dict[str, dict[tuple[int, int], bytes]], lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_module, "LANES", lanes)
    rng = np.random.default_rng(1)
    bars, actions = (
        [found[at] for at in rng.permutation(len(found)).tolist()] for found in (world.bars, world.actions)
    )
    shuffled = replace(world, bars=bars, actions=actions)
    assert shuffled.rows(SETS["core"], [40, 41, 70, 89], SYMBOLS) == rows["core"]


def test_a_block_without_any_row_stands_between_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_module, "LANES", 2)
    world = World().series([1.0, 2.0], symbol=0).series([3.0, 6.0], symbol=5)
    assert sorted(world.rows(SETS["core"], [0, 1], 6)) == [(0, 0), (0, 1), (5, 0), (5, 1)]
    assert world.values(SETS["core"], 1, 5, 6)["GAP"] == 1.0
