"""A row is what its own session could know: bulk or daily, restated or not, whatever comes later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from afterbell.features.factors import FactorSet, family
from afterbell.features.grid import Ints, Layers, SessionGrid
from afterbell.features.kernels.candle import back, gap
from afterbell.features.kernels.level import volume_level
from afterbell.features.sets import SETS
from tests.features.worlds import DAY, World, cut_off, drawn

SYMBOLS = 12
SESSIONS = 110
TODAY = 80
OF_BARS = [factors for factors in SETS.values() if factors.source is None]
EACH_SET = pytest.mark.parametrize("factors", OF_BARS, ids=lambda found: found.name)
SMALL = FactorSet(
    "small",
    1,
    (
        *family(back, "close close", "ROC", 1, 2),
        *family(gap, "open close", "GAP"),
        *family(volume_level, "volume", "VMA -", 2, 3),
    ),
)

Table = dict[tuple[int, int], bytes]


@pytest.fixture(scope="module")
def world() -> World:
    return drawn(7, SYMBOLS, SESSIONS)


@pytest.fixture(scope="module")
def bulk(world: World) -> dict[str, Table]:
    return {factors.name: world.rows(factors, list(range(SESSIONS)), SYMBOLS) for factors in OF_BARS}


def test_the_drawn_market_holds_what_makes_this_hard(world: World) -> None:
    assert any(revision > 0 for _, _, _, revision, *_ in world.bars)
    assert any(moment > cut_off(session) for _, session, moment, revision, *_ in world.bars if revision == 0)
    for wanted in (True, False):
        assert sum(split == wanted for *_, split in world.actions) >= 5
        assert any(moment > cut_off(ex) for _, ex, moment, _, split in world.actions if split == wanted)


@EACH_SET
def test_bulk_rows_equal_rows_computed_day_by_day_byte_for_byte(
    world: World, bulk: dict[str, Table], factors: FactorSet
) -> None:
    daily: Table = {}
    for session in range(SESSIONS):
        daily |= world.rows(factors, [session], SYMBOLS)
    assert daily.keys() == bulk[factors.name].keys()
    assert [key for key, row in bulk[factors.name].items() if row != daily[key]] == []
    assert len(daily) > SYMBOLS * SESSIONS / 2


@EACH_SET
def test_a_days_rows_are_the_same_when_the_lake_knows_what_came_later(
    world: World, bulk: dict[str, Table], factors: FactorSet
) -> None:
    for session in range(2, SESSIONS, 9):
        expected = {key: row for key, row in bulk[factors.name].items() if key[1] == session}
        assert world.rows(factors, [session], SYMBOLS, by=SESSIONS + 9) == expected


@EACH_SET
def test_rows_of_scattered_holes_equal_those_of_the_whole_range(
    world: World, bulk: dict[str, Table], factors: FactorSet
) -> None:
    holes = [20, 21, 55, 90, 92]
    expected = {key: row for key, row in bulk[factors.name].items() if key[1] in holes}
    assert world.rows(factors, holes, SYMBOLS) == expected


def another_future(world: World) -> World:
    """The same rows up to the cut-off of ``TODAY``, then others."""
    known = cut_off(TODAY)
    bars = [row if row[2] <= known else (*row[:4], *(3.0 * value for value in row[4:])) for row in world.bars]
    actions = [row if row[2] <= known else (*row[:3], row[3] * 0.7, row[4]) for row in world.actions]
    changed = World(bars, actions)
    for symbol in range(SYMBOLS):
        changed.bar(symbol, TODAY - symbol, 1.0, 7.0, known=TODAY + 1)
        changed.action(symbol, TODAY - symbol, 0.1, split=symbol % 2 == 0, known=TODAY + 1)
    return changed


def moved(world: World, factors: FactorSet) -> list[tuple[int, int]]:
    """The look-ahead test: keys of rows up to ``TODAY`` that another future adds, takes away or changes."""
    sessions = list(range(TODAY - 15, SESSIONS))
    rows, others = (found.rows(factors, sessions, SYMBOLS) for found in (world, another_future(world)))
    assert any(rows.get(key) != row for key, row in others.items() if key[1] > TODAY)
    return [key for key in rows.keys() | others.keys() if key[1] <= TODAY and rows.get(key) != others.get(key)]


@EACH_SET
def test_no_row_moves_when_everything_known_after_its_cut_off_changes(world: World, factors: FactorSet) -> None:
    assert moved(world, factors) == []


def a_day_early(plain: Callable[[SessionGrid, Ints, Ints], Ints]) -> Callable[[SessionGrid, Ints, Ints], Ints]:
    def ages(self: SessionGrid, columns: Ints, knowledge: Ints) -> Ints:
        return plain(self, columns, knowledge - DAY)

    return ages


def the_newest_layer(layers: Layers, depth: int) -> Ints:
    return np.full(depth + 1, len(layers.ages) - 1, dtype=np.int64)


@EACH_SET
def test_what_becomes_known_tomorrow_taken_as_known_is_caught(
    world: World, factors: FactorSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SessionGrid, "ages", a_day_early(SessionGrid.ages))
    assert any(session == TODAY for _, session in moved(world, factors))


@EACH_SET
def test_the_newest_revisions_shown_to_every_session_are_caught(
    world: World, factors: FactorSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layers, "by_age", the_newest_layer)
    assert any(session == TODAY for _, session in moved(world, factors))


def test_leaks_are_caught_by_comparing_bulk_and_daily_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Layers, "by_age", the_newest_layer)
    bulk = world.rows(SMALL, list(range(40, 60)), SYMBOLS)
    assert any(world.rows(SMALL, [session], SYMBOLS).items() - bulk.items() for session in range(40, 60))


def test_a_price_restated_the_next_day_is_used_from_the_next_row_on() -> None:
    world = World().series([10.0, 20.0, 40.0])
    world.bar(0, 1, 25.0, known=2)
    assert world.values(SMALL, 1)["ROC1"] == pytest.approx(10 / 20)
    assert world.values(SMALL, 2)["ROC1"] == pytest.approx(25 / 40)


def test_a_volume_restated_two_days_later_is_used_from_that_row_on() -> None:
    world = World().series([10.0] * 4, [100.0, 300.0, 300.0, 300.0])
    world.bar(0, 1, 10.0, 500.0, known=3)
    assert world.values(SMALL, 2)["VMA3"] == pytest.approx((100 + 300 + 300) / 3 / 300)
    assert world.values(SMALL, 3)["VMA3"] == pytest.approx((500 + 300 + 300) / 3 / 300)


def test_a_bar_that_came_after_its_cut_off_gives_no_row_but_is_looked_back_at() -> None:
    world = World()
    world.bar(0, 0, 10.0)
    world.bar(0, 1, 11.0, known=2)
    world.bar(0, 2, 22.0)
    assert sorted(world.rows(SMALL, [0, 1, 2])) == [(0, 0), (0, 2)]
    assert world.values(SMALL, 2)["ROC1"] == pytest.approx(11 / 22)


def test_an_action_takes_effect_on_its_ex_session_though_it_was_known_before() -> None:
    world = World().series([100.0, 100.0, 50.0])
    world.action(0, 2, 0.5, split=True, known=0)
    assert world.values(SMALL, 1)["ROC1"] == 1.0
    assert world.values(SMALL, 2)["ROC1"] == 1.0


def test_an_action_that_became_known_late_adjusts_only_rows_after_that() -> None:
    world = World().series([100.0, 50.0, 50.0, 50.0])
    world.action(0, 1, 0.5, split=True, known=2)
    assert world.values(SMALL, 1)["ROC1"] == 2.0
    assert world.values(SMALL, 2)["ROC2"] == 1.0


def test_a_split_scales_volume_and_a_dividend_does_not() -> None:
    world = World().series([100.0, 49.0], [1000.0, 2000.0])
    world.action(0, 1, 0.5, split=True)
    world.action(0, 1, 0.98)
    row = world.values(SMALL, 1)
    assert row["VMA2"] == pytest.approx(1.0)
    assert row["ROC1"] == pytest.approx(1.0)
    assert row["GAP"] == pytest.approx(0.0, abs=1e-7)
