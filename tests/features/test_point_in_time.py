"""A row is what its own session could know: bulk or daily, restated or not, whatever comes later."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.features import compute as compute_module
from afterbell.features.factors import CORE, Factor, FactorSet
from afterbell.features.grid import FIELDS, Floats
from afterbell.features.kernels import gap, roc, vma
from afterbell.features.lookback import Lookback
from tests.features.worlds import World, drawn

SYMBOLS = 12
SESSIONS = 110
SMALL = FactorSet(
    "small",
    1,
    (
        Factor("ROC1", 1, roc, ("close",)),
        Factor("GAP", 1, gap, ("open", "close")),
        Factor("VMA2", 2, vma, ("volume",)),
    ),
)


@pytest.fixture(scope="module")
def world() -> World:
    return drawn(7, SYMBOLS, SESSIONS)


@pytest.fixture(scope="module")
def bulk(world: World) -> dict[tuple[int, int], bytes]:
    return world.rows(CORE, list(range(SESSIONS)), SYMBOLS)


def test_the_drawn_market_holds_what_makes_this_hard(world: World) -> None:
    assert any(revision > 0 for _, _, _, revision, *_ in world.bars)
    assert sum(split for *_, split in world.actions) >= 5
    assert sum(not split for *_, split in world.actions) >= 5


def test_bulk_rows_equal_rows_computed_day_by_day_byte_for_byte(
    world: World, bulk: dict[tuple[int, int], bytes]
) -> None:
    daily: dict[tuple[int, int], bytes] = {}
    for session in range(SESSIONS):
        daily |= world.rows(CORE, [session], SYMBOLS)
    assert daily.keys() == bulk.keys()
    assert [key for key in bulk if bulk[key] != daily[key]] == []


@pytest.mark.parametrize("cells", [1, 64, 1 << 20])
def test_rows_do_not_depend_on_how_the_work_is_cut_into_blocks(
    world: World, bulk: dict[tuple[int, int], bytes], cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_module, "_BLOCK_CELLS", cells)
    monkeypatch.setattr(compute_module, "_BLOCK_COLUMNS", 37)
    assert world.rows(CORE, list(range(SESSIONS)), SYMBOLS) == bulk


def test_rows_of_scattered_holes_equal_those_of_the_whole_range(
    world: World, bulk: dict[tuple[int, int], bytes]
) -> None:
    holes = [20, 21, 55, 90, 92]
    assert world.rows(CORE, holes, SYMBOLS) == {key: row for key, row in bulk.items() if key[1] in holes}


def test_no_row_moves_when_everything_known_after_its_cut_off_changes(
    world: World, bulk: dict[tuple[int, int], bytes]
) -> None:
    today = 80
    changed = _with_another_future(world, today)
    found = changed.rows(CORE, list(range(SESSIONS)), SYMBOLS)
    upto = {key: row for key, row in bulk.items() if key[1] <= today}
    assert {key: found.get(key) for key in upto} == upto
    assert any(found.get(key) != row for key, row in bulk.items() if key[1] > today)


def _peek(back: Lookback, _: int) -> Floats:
    """A leak: tomorrow's close, got around the look back."""
    close = back._panel.bars.arrays[-1][FIELDS.index("close")]
    ahead = np.concatenate((close[:, 1:], close[:, -1:]), axis=1)
    return ahead[:, back._start : back._stop]


def test_a_planted_leak_is_seen_by_the_same_check(world: World) -> None:
    leaky = FactorSet("leaky", 1, (Factor("PEEK", 1, _peek, ("close",)),))
    today = 80
    before = world.rows(leaky, list(range(today - 5, SESSIONS)), SYMBOLS)
    after = _with_another_future(world, today).rows(leaky, list(range(today - 5, SESSIONS)), SYMBOLS)
    assert any(before[key] != after[key] for key in before if key[1] == today)


@pytest.mark.parametrize("age", [-1, 3])
def test_a_look_ahead_or_beyond_the_declared_window_is_refused(age: int) -> None:
    back = Lookback(World().series([1.0] * 5).panel(0, 4, 1), 4, 5, depth=2, share=0.5)
    with pytest.raises(ValueError, match=f"age {age}: factors see ages 0 to 2 only"):
        back.at("close", age)


def test_a_price_restated_the_next_day_is_used_from_the_next_row_on() -> None:
    world = World().series([10.0, 20.0, 40.0])
    world.bar(0, 1, 25.0, known=2)
    assert world.values(SMALL, 1)["ROC1"] == pytest.approx(10 / 20)
    assert world.values(SMALL, 2)["ROC1"] == pytest.approx(25 / 40)


def test_a_volume_restated_two_days_later_is_used_from_that_row_on() -> None:
    world = World().series([10.0] * 4, [100.0, 300.0, 300.0, 300.0])
    world.bar(0, 1, 10.0, 500.0, known=3)
    wide = FactorSet("wide", 1, (Factor("VMA3", 3, vma, ("volume",)),))
    assert world.values(wide, 2)["VMA3"] == pytest.approx((100 + 300 + 300) / 3 / 300)
    assert world.values(wide, 3)["VMA3"] == pytest.approx((500 + 300 + 300) / 3 / 300)


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
    two = FactorSet("two", 1, (Factor("ROC1", 1, roc, ("close",)), Factor("ROC2", 2, roc, ("close",))))
    assert world.values(two, 1)["ROC1"] == 2.0
    assert world.values(two, 2)["ROC2"] == 1.0


def test_a_corrected_action_replaces_the_first_one_from_when_it_was_known() -> None:
    world = World().series([100.0, 90.0, 90.0])
    world.action(0, 1, 0.8)
    world.action(0, 1, 0.9, known=2)
    two = FactorSet("two", 1, (Factor("ROC1", 1, roc, ("close",)), Factor("ROC2", 2, roc, ("close",))))
    assert world.values(two, 1)["ROC1"] == pytest.approx(80 / 90)
    assert world.values(two, 2)["ROC2"] == pytest.approx(1.0)


def test_a_split_scales_volume_and_a_dividend_does_not() -> None:
    world = World().series([100.0, 49.0], [1000.0, 2000.0])
    world.action(0, 1, 0.5, split=True)
    world.action(0, 1, 0.98)
    row = world.values(SMALL, 1)
    assert row["VMA2"] == pytest.approx(1.0)
    assert row["ROC1"] == pytest.approx(1.0)
    assert math.isclose(row["GAP"], 0.0, abs_tol=1e-7)


def _with_another_future(world: World, today: int) -> World:
    """The same rows up to the cut-off of ``today``, then others."""
    known = (today + 1) * 86_400 * 1_000_000
    bars = [row if row[2] <= known else (*row[:4], *(3.0 * value for value in row[4:])) for row in world.bars]
    actions = [row if row[2] <= known else (*row[:3], row[3] * 0.7, row[4]) for row in world.actions]
    return World(bars, actions)
