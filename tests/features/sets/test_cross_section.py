"""The set ``cross_section``: ranks and scores of the session's own rows, the same however it is run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afterbell.features import panel
from afterbell.features.factors import CrossFactor, Factor, FactorSet, Groups
from afterbell.features.kernels.section import equal_parts, robust_score, share_below
from afterbell.features.sets.cross_section import CROSS_SECTION
from tests.features.worlds import DAY, World, cut_off, drawn

SYMBOLS, SESSIONS, FIRST = 40, 75, 60
WANTED = list(range(FIRST, SESSIONS))
Table = dict[tuple[int, int], bytes]


@pytest.fixture(scope="module")
def world() -> World:
    return drawn(5, SYMBOLS, SESSIONS)


@pytest.fixture(scope="module")
def bulk(world: World) -> Table:
    return world.rows(CROSS_SECTION, WANTED, SYMBOLS)


def frame(rows: Table, names: tuple[str, ...]) -> pd.DataFrame:
    values = [np.frombuffer(row, dtype=np.float32).astype(np.float64) for row in rows.values()]
    index = pd.MultiIndex.from_tuples(rows.keys(), names=["symbol", "session"])
    return pd.DataFrame(values, index, columns=list(names))


def test_every_column_is_pandas_answer_about_the_factors_as_other_sets_store_them(world: World, bulk: Table) -> None:
    base = FactorSet("base", 1, CROSS_SECTION.computed)
    values = frame(world.rows(base, WANTED, SYMBOLS), base.names)
    found = frame(bulk, CROSS_SECTION.names)
    session = values.index.get_level_values("session")
    dollars = values["DVOL20"].groupby(session)
    fifth = np.ceil(dollars.rank() * 5 / dollars.transform("count") - 1e-9)
    for cross in CROSS_SECTION.crossed:
        grouped = values[cross.of.name].groupby([session, fifth] if cross.within else session)
        middle = grouped.transform("median")
        spread = (values[cross.of.name] - middle).abs().groupby([session, fifth] if cross.within else session)
        scale = spread.transform("median") / 0.6744897501960817  # the upper quartile of the standard normal
        score = ((values[cross.of.name] - middle) / scale).clip(-3, 3).where(scale > 0)
        expected = grouped.rank(pct=True) if cross.kernel is share_below else score
        np.testing.assert_allclose(found[cross.name], expected, rtol=1e-6, atol=1e-7, err_msg=cross.name)
        assert found[cross.name].notna().sum() > 100


def test_the_best_of_five_has_rank_one_and_the_one_in_the_middle_score_nothing() -> None:
    world = World()
    for symbol, last in enumerate((10.0, 14.0, 12.0, 11.0, 13.0)):
        world.bar(symbol, 0, 10.0)
        world.bar(symbol, 1, last, ohl=(last, last, last))
    found = [world.values(CROSS_SECTION, 1, symbol, 5) for symbol in range(5)]
    assert [row["GAP_rank"] for row in found] == pytest.approx([0.2, 1.0, 0.6, 0.4, 0.8])
    # Gaps of 0, 0.4, 0.2, 0.1, 0.3 lie 0.2, 0.2, 0, 0.1, 0.1 from their median: the median distance is 0.1.
    assert [row["GAP_z"] for row in found] == pytest.approx(
        [-2 / 1.4826, 2 / 1.4826, 0.0, -1 / 1.4826, 1 / 1.4826], rel=1e-5, abs=1e-6
    )


def test_bulk_rows_equal_rows_computed_day_by_day_byte_for_byte(world: World, bulk: Table) -> None:
    daily: Table = {}
    for session in WANTED:
        daily |= world.rows(CROSS_SECTION, [session], SYMBOLS)
    assert daily == bulk


def test_rows_do_not_depend_on_how_many_symbols_a_block_has(
    world: World, bulk: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "LANES", 7)
    assert world.rows(CROSS_SECTION, WANTED, SYMBOLS) == bulk


def test_symbols_without_a_bar_and_other_codes_change_no_byte(world: World, bulk: Table) -> None:
    other = World(
        [(2 * symbol + 1, *row) for symbol, *row in reversed(world.bars)],
        [(2 * symbol + 1, *row) for symbol, *row in world.actions],
    )
    found = other.rows(CROSS_SECTION, WANTED, 2 * SYMBOLS + 5)
    assert {((symbol - 1) // 2, session): row for (symbol, session), row in found.items()} == bulk


def test_no_row_moves_when_everything_known_after_its_cut_off_changes(world: World, bulk: Table) -> None:
    today = FIRST + 5
    later = [row if row[2] <= cut_off(today) else (*row[:4], *(3.0 * v for v in row[4:])) for row in world.bars]
    changed = World(later, world.actions)
    changed.bar(SYMBOLS, today, 1.0, known=today + 1)
    found = changed.rows(CROSS_SECTION, WANTED, SYMBOLS + 1)
    upto = {key: row for key, row in bulk.items() if key[1] <= today}
    assert {key: row for key, row in found.items() if key[1] <= today} == upto
    assert any(found[key] != row for key, row in bulk.items() if key[1] > today)


def test_a_bar_that_came_a_minute_after_the_cut_off_is_not_among_those_compared(world: World, bulk: Table) -> None:
    late = World(list(world.bars), world.actions)
    late.bars.append((SYMBOLS, SESSIONS - 1, cut_off(SESSIONS - 1) + DAY // 1440, 0, 1.0, 1.0, 1.0, 1.0, 9e9))
    assert late.rows(CROSS_SECTION, WANTED, SYMBOLS + 1) == bulk


def _first(**change: object) -> FactorSet:
    cross = replace(CROSS_SECTION.crossed[0], **change)  # type: ignore[arg-type]
    return replace(CROSS_SECTION, crossed=(cross, *CROSS_SECTION.crossed[1:]))


_OTHER: Factor = CROSS_SECTION.crossed[-1].of
_FIFTHS = Groups(_OTHER, equal_parts, 5)


@pytest.mark.parametrize(
    "change",
    [{"name": "OTHER"}, {"of": _OTHER}, {"kernel": robust_score}, {"within": _FIFTHS}, {"version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_changes_with_what_is_declared_of_a_cross_section(change: dict[str, object]) -> None:
    assert _first(**change).definition_hash != CROSS_SECTION.definition_hash


def test_the_hash_changes_with_the_number_of_groups_and_the_factor_that_makes_them() -> None:
    hashes = {
        _first(within=groups).definition_hash
        for groups in (_FIFTHS, replace(_FIFTHS, parts=10), replace(_FIFTHS, by=CROSS_SECTION.crossed[0].of))
    }
    assert len(hashes) == 3


def test_a_factor_that_is_a_column_of_its_own_stands_before_its_rank() -> None:
    factor = CROSS_SECTION.crossed[0].of
    both = FactorSet("both", 1, (factor,), crossed=(CrossFactor("GAP_rank", factor, share_below),))
    world = World().series([10.0, 11.0])
    world.bar(0, 2, 11.0, ohl=(12.1, 12.1, 11.0))
    assert both.names == ("GAP", "GAP_rank")
    assert world.values(both, 2) == pytest.approx({"GAP": 0.1, "GAP_rank": 1.0}, rel=1e-5)
