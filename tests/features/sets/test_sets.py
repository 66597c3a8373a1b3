"""The sets there are: their names, and every factor of bars in a market with gaps, splits and dividends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.errors import ConfigError
from afterbell.features.factors import FactorSet
from afterbell.features.sets import SETS, factor_set
from tests.features import formulas
from tests.features.formulas import Past
from tests.features.worlds import World, cut_off, drawn

SYMBOLS, SESSIONS = 8, 100
ASKED = (4, 15, 47, 61, 80, 99)
ALPHA158, ALPHA360, CORE = OF_BARS = tuple(SETS[name] for name in ("alpha158", "alpha360", "core"))


def test_alpha158_has_the_names_of_qlib() -> None:
    # qlib/contrib/data/loader.py, Alpha158DL.get_feature_config: kbar, price, rolling.
    kbar = ["KMID", "KLEN", "KMID2", "KUP", "KUP2", "KLOW", "KLOW2", "KSFT", "KSFT2"]
    price = ["OPEN0", "HIGH0", "LOW0", "VWAP0"]
    rolling = [
        *["ROC", "MA", "STD", "BETA", "RSQR", "RESI", "MAX", "MIN", "QTLU", "QTLD", "RANK", "RSV", "IMAX", "IMIN"],
        *["IMXD", "CORR", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "VMA", "VSTD", "WVMA"],
        *["VSUMP", "VSUMN", "VSUMD"],
    ]
    expected = {*kbar, *price, *(f"{name}{window}" for name in rolling for window in (5, 10, 20, 30, 60))}
    assert len(ALPHA158.names) == len(expected) == 158
    assert set(ALPHA158.names) == expected


def test_alpha360_has_the_names_of_qlib_in_its_order() -> None:
    # qlib/contrib/data/loader.py, Alpha360DL.get_feature_config.
    fields = ["CLOSE", "OPEN", "HIGH", "LOW", "VWAP", "VOLUME"]
    assert ALPHA360.names == tuple(f"{field}{session}" for field in fields for session in range(59, -1, -1))


def test_core_chooses_from_alpha158_and_adds_the_volume_factors() -> None:
    own = set(CORE.names) - set(ALPHA158.names)
    assert own == {"GAP", "LVR5", "LVR20", "LVR60", "LVZ20", "LVZ60", "DVOL20", "ILLIQ20", "VOLR20", "VOLR60"}
    assert len(CORE.names) == 43


@pytest.mark.parametrize("factors", SETS.values(), ids=lambda found: found.name)
def test_no_two_factors_of_a_set_have_one_name_or_one_meaning(factors: FactorSet) -> None:
    assert len(set(factors.names)) == len(factors.names)
    meanings = {(f.kernel.module, f.kernel.name, f.inputs, f.window, f.answer) for f in factors.computed}
    assert len(meanings) == len(factors.computed)


@pytest.mark.parametrize(("name", "depth"), [("alpha158", 70), ("alpha360", 60), ("core", 61)])
def test_the_look_back_spans_the_longest_window_the_return_before_it_and_the_margin(name: str, depth: int) -> None:
    assert factor_set(name).depth == depth


def test_a_set_is_found_by_its_name() -> None:
    assert [factor_set(name).name for name in SETS] == list(SETS)


def test_an_unknown_set_is_refused_with_those_there_are() -> None:
    there = "alpha158, alpha360, core, cross_section, fundamental"
    with pytest.raises(ConfigError, match=f"factor set 'cor' is not known: use one of {there}$"):
        factor_set("cor")


@pytest.fixture(scope="module")
def world() -> World:
    """Gaps, late listings, delistings, splits, dividends, sessions without volume; all known at once and for good."""
    found = drawn(3, SYMBOLS, SESSIONS)
    bars = [
        (s, day, cut_off(day) - 1, r, *values[:4], 0.0 if (s + day) % 11 == 0 else values[4])
        for s, day, _, r, *values in found.bars
        if r == 0
    ]
    return World(bars, [(s, day, cut_off(day) - 1, f, split) for s, day, _, f, split in found.actions])


def past_of(world: World, symbol: int, session: int) -> Past:
    """Bars from the symbol's first one on, in the prices and shares of ``session``."""
    bars = {row[1]: row[4:] for row in world.bars if row[0] == symbol and row[1] <= session}
    first = min(bars)
    found = np.full((6, session - first + 1), math.nan)
    for day, values in bars.items():
        found[:, day - first] = [*values, values[3] * values[4]]
    for of, ex, _, factor, split in world.actions:
        if of == symbol and first < ex <= session:
            found[:4, : ex - first] *= factor
            found[4, : ex - first] /= factor if split else 1.0
    return Past(*found)


@pytest.fixture(scope="module")
def pasts(world: World) -> dict[tuple[int, int], Past]:
    there = {row[:2] for row in world.bars}
    return {key: past_of(world, *key) for key in sorted(there) if key[1] in ASKED}


@pytest.mark.parametrize("factors", OF_BARS, ids=lambda found: found.name)
def test_every_factor_answers_as_its_formula_does(
    world: World, pasts: dict[tuple[int, int], Past], factors: FactorSet
) -> None:
    table = formulas.CORE if factors is CORE else formulas.ALPHA
    rows = world.rows(factors, list(ASKED), SYMBOLS)
    assert rows.keys() == pasts.keys()
    found = np.array([np.frombuffer(rows[key], dtype=np.float32) for key in pasts])
    for at, factor in enumerate(factors.factors):
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = [formulas.answer(table, factor.name, factor.window, past) for past in pasts.values()]
        np.testing.assert_allclose(found[:, at], expected, rtol=2e-6, atol=2e-7, err_msg=factor.name)
        assert np.isfinite(expected).sum() >= 12, factor.name


def test_the_drawn_market_holds_what_makes_this_hard(world: World, pasts: dict[tuple[int, int], Past]) -> None:
    seen = list(pasts.values())
    assert sum(np.isnan(past.close[-20:]).any() for past in seen) >= 10
    assert sum(past.volume[-1] == 0 for past in seen) >= 2
    assert any(len(past.close) < 40 for (_, session), past in pasts.items() if session >= 47)
    assert sum(split for *_, split in world.actions) >= 5
    assert sum(not split for *_, split in world.actions) >= 5


def test_prices_that_are_constant_but_for_a_split_look_constant() -> None:
    world = World().series([30.0] * 30 + [10.0] * 30, [100.0] * 30 + [300.0] * 30)
    world.action(0, 30, 1 / 3, split=True)
    row = world.values(ALPHA158, 45)
    assert row["STD60"] == pytest.approx(0.0, abs=1e-7)
    assert row["ROC20"] == row["MA20"] == row["VMA20"] == pytest.approx(1.0)
    assert [name for name in ("CORR20", "RSQR20", "CORD20") if not math.isnan(row[name])] == []
    assert world.values(CORE, 45)["LVR20"] == pytest.approx(0.0, abs=1e-7)


def test_the_first_bar_of_a_symbol_has_a_row_of_what_one_session_can_tell() -> None:
    world = World()
    world.bar(0, 0, 11.0, ohl=(10.0, 12.0, 9.0))
    row = world.values(CORE, 0)
    empty = {name for name, value in row.items() if math.isnan(value)}
    of_more = ("GAP", "ROC", "STD", "CORR", "SUMP", "VSUMP", "VMA", "VSTD", "LV", "DVOL", "ILLIQ", "VOLR")
    assert empty == {name for name in CORE.names if name.startswith(of_more)}
    assert [row[name] for name in ("KMID", "KLEN", "KUP", "KLOW", "KSFT")] == pytest.approx([0.1, 0.3, 0.1, 0.1, 0.1])
    assert (row["MA60"], row["RANK20"], row["CNTP20"]) == (1.0, 1.0, 0.0)


def test_a_factor_without_a_finite_value_has_none() -> None:
    row = World().series([10.0, 20.0, 0.0]).values(ALPHA158, 2)  # 20 / 0 and 0 / 0
    assert [name for name, value in row.items() if math.isinf(value)] == []
    assert [math.isnan(row[name]) for name in ("MA5", "MAX5", "MIN5", "OPEN0")] == [True] * 4
