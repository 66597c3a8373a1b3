"""The set ``fundamental``, worked out by hand; what was known when; splits; the same however it is run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from afterbell.features.compute import compute
from afterbell.features.sets import ALPHA158, FUNDAMENTAL
from tests.features.worlds import DAY, SECONDS, World, cut_off, drawn, grid

YEAR, Q1, Q2, Q3, NEXT = 1000, 1090, 1181, 1273, 1365
"""Days on which a fiscal year, the next one's quarters and that year end; then each a year later."""


def company(until: int = 10_000) -> World:
    """Two fiscal years, the quarters of the second and the first two of the third, each known 40 days after its end."""
    world = World()
    filings: list[tuple[int, dict[str, Any]]] = [
        (YEAR, {"annual": True, "revenues": 800.0, "op_income": 150.0, "net_income": 80.0, "eps_basic": 0.8,
                "eps_diluted": 0.78, "dividend": 0.4, "assets": 2000.0, "equity": 900.0, "cash_flow_op": 120.0}),
        (Q1, {"revenues": 200.0, "op_income": 30.0, "net_income": 20.0, "eps_basic": 0.20, "eps_diluted": 0.19,
              "dividend": 0.1, "assets": 2050.0, "equity": 910.0, "cash_flow_op": 15.0}),
        (Q2, {"revenues": 220.0, "op_income": 35.0, "net_income": 22.0, "eps_basic": 0.22, "eps_diluted": 0.21,
              "dividend": 0.1, "assets": 2100.0, "equity": 920.0, "cash_flow_op": 40.0}),
        (Q3, {"revenues": 230.0, "op_income": 36.0, "net_income": 23.0, "eps_basic": 0.23, "eps_diluted": 0.22,
              "dividend": 0.1, "assets": 2150.0, "equity": 930.0, "cash_flow_op": 75.0}),
        (NEXT, {"annual": True, "revenues": 900.0, "op_income": 160.0, "net_income": 90.0, "eps_basic": 0.9,
                "eps_diluted": 0.87, "dividend": 0.4, "assets": 2200.0, "cur_assets": 600.0, "cur_liab": 400.0,
                "cash": 110.0, "equity": 940.0, "cash_flow_op": 130.0}),
        (Q1 + 365, {"revenues": 250.0, "op_income": 40.0, "net_income": 25.0, "eps_basic": 0.25, "eps_diluted": 0.24,
                    "dividend": 0.12, "assets": 2250.0, "equity": 950.0, "cash_flow_op": 20.0}),
        (Q2 + 364, {"revenues": 264.0, "op_income": 42.0, "net_income": 33.0, "eps_basic": 0.33, "eps_diluted": 0.315,
                    "dividend": 0.12, "assets": 2310.0, "equity": 960.0, "cash_flow_op": 60.0}),
    ]  # fmt: skip
    for end, figures in filings:
        if end <= until:
            world.filing(end, end + 40, **figures)
    return world


def at(world: World, session: int, close: float = 20.0) -> dict[str, float]:
    """The row of a session on which the share closed at ``close``."""
    world.bar(0, session, close)
    return world.values(FUNDAMENTAL, session)


def test_the_year_is_the_last_one_and_this_ones_quarters_less_those_of_the_last() -> None:
    row = at(company(), 1600)
    sales, income, cash_flow = 900 + 250 + 264 - 200 - 220, 90 + 25 + 33 - 20 - 22, 130 + 60 - 40
    assert row["NPM"] == pytest.approx(income / sales)
    assert row["OPM"] == pytest.approx((160 + 40 + 42 - 30 - 35) / sales)
    assert row["EP"] == pytest.approx((0.87 + 0.24 + 0.315 - 0.19 - 0.21) / 20)
    assert row["DP"] == pytest.approx((0.4 + 0.12 + 0.12 - 0.1 - 0.1) / 20)
    assert row["ROA"] == pytest.approx(income / 2310)
    assert row["ROE"] == pytest.approx(income / 960)
    assert row["ATO"] == pytest.approx(sales / 2310)
    assert row["CFA"] == pytest.approx(cash_flow / 2310)
    assert row["ACC"] == pytest.approx((income - cash_flow) / 2310)


def test_shares_are_those_that_net_income_and_earnings_a_share_imply() -> None:
    row = at(company(), 1600)
    value = 33 / 0.33 * 20.0
    assert row["BP"] == pytest.approx(960 / value)
    assert row["SP"] == pytest.approx((900 + 250 + 264 - 200 - 220) / value)
    assert row["CP"] == pytest.approx((130 + 60 - 40) / value)
    assert row["SIZE"] == pytest.approx(math.log(value))


def test_growth_compares_with_the_same_quarter_of_the_year_before() -> None:
    row = at(company(), 1600)
    assert row["SG"] == pytest.approx(264 / 220 - 1)
    assert row["IG"] == pytest.approx(33 / 22 - 1)
    assert row["EG"] == pytest.approx(0.315 / 0.21 - 1)
    assert row["AG"] == pytest.approx(2310 / 2100 - 1)
    assert row["DEP"] == pytest.approx((0.315 - 0.21) / 20)


def test_after_an_annual_report_growth_compares_years_and_the_quarter_is_what_the_others_leave() -> None:
    row = at(company(NEXT), 1410)
    assert row["SG"] == pytest.approx(900 / 800 - 1)
    assert row["ROEQ"] == pytest.approx((90 - 20 - 22 - 23) / 940)
    assert row["ROAQ"] == pytest.approx((90 - 20 - 22 - 23) / 2200)
    assert row["EPQ"] == pytest.approx((0.87 - 0.19 - 0.21 - 0.22) / 20)
    assert row["ROE"] == pytest.approx(90 / 940)
    assert row["CR"] == pytest.approx(600 / 400)
    assert row["LEV"] == pytest.approx(1260 / 2200)
    assert row["CASHA"] == pytest.approx(110 / 2200)


def test_where_a_quarter_of_the_year_before_is_missing_the_last_fiscal_year_stands_for_the_year() -> None:
    world = company()
    world.filings = [row for row in world.filings if row[1] != Q1]
    row = at(world, 1600)
    assert row["EP"] == pytest.approx(0.87 / 20)
    assert row["ACC"] == pytest.approx((90 - 130) / 2310)
    assert row["EPQ"] == pytest.approx(0.315 / 20)


def test_without_any_annual_report_there_is_no_year_but_a_quarter() -> None:
    world = company(Q3)
    world.filings = [row for row in world.filings if row[1] != YEAR]
    row = at(world, 1320)
    assert {name for name in ("EP", "DP", "SP", "CP", "ROE", "ROA", "OPM", "ACC") if not math.isnan(row[name])} == set()
    assert row["ROEQ"] == pytest.approx(23 / 930)


def test_staleness_counts_from_when_the_filing_was_known_and_from_the_end_of_its_period() -> None:
    row = at(company(), Q2 + 364 + 50)
    assert (row["FAGE"], row["PAGE"]) == (10.0, 50.0)


def test_a_period_that_ended_more_than_550_days_ago_says_nothing() -> None:
    world, last = company(), Q2 + 364
    assert at(world, last + 550)["PAGE"] == 550.0
    assert all(math.isnan(value) for value in at(world, last + 551).values())


def test_a_year_that_ended_more_than_550_days_ago_does_not_stand_for_the_year() -> None:
    world = company()
    world.filings = [row for row in world.filings if row[1] in (NEXT, Q2 + 364)]
    assert at(world, NEXT + 550)["EP"] == pytest.approx(0.87 / 20)
    assert math.isnan(at(world, NEXT + 551)["EP"])


def test_a_filing_known_one_minute_after_the_cut_off_is_seen_the_session_after() -> None:
    world = company(NEXT)
    on_time = at(world, 1500)
    world.filings.append((0, Q1 + 365, cut_off(1500) + 60 * SECONDS, 0, 0, *[1.0] * 12))
    assert world.values(FUNDAMENTAL, 1500) == on_time
    assert at(world, 1501)["PAGE"] == 1501 - Q1 - 365
    moved = company(NEXT)
    moved.filings.append((0, Q1 + 365, cut_off(1500), 0, 0, *[1.0] * 12))
    assert at(moved, 1500)["PAGE"] == 1500 - Q1 - 365


def test_an_amendment_replaces_the_filing_from_the_session_on_which_it_became_known() -> None:
    world = company(NEXT)
    world.filing(NEXT, 1450, annual=True, amended=True, net_income=45.0, eps_basic=0.45, assets=2200.0, equity=895.0)
    assert at(world, 1449)["ROE"] == pytest.approx(90 / 940)
    row = at(world, 1450)
    assert row["ROE"] == pytest.approx(45 / 895)
    assert row["EP"] == pytest.approx(0.45 / 20)  # basic, where no diluted figure is given
    assert math.isnan(row["OPM"])
    assert row["FAGE"] == 0.0


def test_of_a_filing_and_its_amendment_known_together_the_amendment_counts() -> None:
    world = World()
    world.filing(YEAR, YEAR + 40, annual=True, amended=True, assets=100.0, cash=1.0)
    world.filing(YEAR, YEAR + 40, annual=True, assets=100.0, cash=2.0)
    assert at(world, YEAR + 40)["CASHA"] == pytest.approx(0.01)


def test_an_old_period_that_is_filed_late_does_not_become_the_newest() -> None:
    world = company(NEXT)
    world.filings = [row for row in world.filings if row[1] != Q3]
    world.filing(Q3, NEXT + 60, net_income=23.0, assets=1.0, equity=1.0)
    row = at(world, NEXT + 60)
    assert row["ROA"] == pytest.approx(90 / 2200)
    assert row["ROAQ"] == pytest.approx((90 - 20 - 22 - 23) / 2200)


def test_a_period_that_had_not_ended_when_its_filing_became_known_is_left_out() -> None:
    world = company(NEXT)
    world.filing(1500, 1499, assets=1.0, cash=1.0)
    assert at(world, 1510)["CASHA"] == pytest.approx(110 / 2200)


def test_a_split_after_the_filing_brings_figures_per_share_to_the_new_shares() -> None:
    before, after = company(), company()
    after.action(0, 1599, 0.5, split=True)
    expected = at(before, 1600, 20.0)
    found = at(after, 1600, 10.0)
    assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_each_filing_takes_the_splits_since_it_became_known() -> None:
    world = company()
    # The first two quarters and the two years were filed in old shares, the rest in new ones.
    world.action(0, Q1 + 365 + 40, 0.5, split=True)
    row = at(world, 1600)
    assert row["EP"] == pytest.approx((0.87 / 2 + 0.24 + 0.315 - 0.19 / 2 - 0.21 / 2) / 20)
    assert row["EG"] == pytest.approx(0.315 / (0.21 / 2) - 1)
    assert row["BP"] == pytest.approx(960 / (33 / 0.33 * 20))


def test_a_split_on_the_day_of_the_filing_is_in_its_figures_already() -> None:
    world = company()
    world.action(0, Q2 + 364 + 40, 0.5, split=True)
    assert at(world, 1600)["EPQ"] == pytest.approx(0.315 / 20)
    world.action(0, Q2 + 364 + 41, 0.5, split=True)
    assert at(world, 1601)["EPQ"] == pytest.approx(0.315 / 2 / 20)


def test_a_split_counts_when_it_is_both_known_and_effective() -> None:
    world = company()
    world.action(0, 1610, 0.5, split=True, known=1605)
    world.action(0, 1600, 0.1, split=True, known=1620)
    assert at(world, 1609)["EPQ"] == pytest.approx(0.315 / 20)
    assert at(world, 1619)["EPQ"] == pytest.approx(0.315 / 2 / 20)
    assert at(world, 1620)["EPQ"] == pytest.approx(0.315 / 20 / 20)


def test_dividends_leave_figures_per_share_and_a_withdrawn_split_gives_them_back() -> None:
    world = company()
    world.action(0, 1598, 0.97)
    world.action(0, 1599, 0.5, split=True)
    world.action(0, 1599, 1.0, known=1602)
    assert at(world, 1601)["EPQ"] == pytest.approx(0.315 / 2 / 20)
    assert at(world, 1602)["EPQ"] == pytest.approx(0.315 / 20)


def test_no_ratio_where_the_denominator_is_not_positive() -> None:
    world = World()
    world.filing(YEAR, YEAR + 40, annual=True, revenues=0.0, net_income=-5.0, eps_basic=-0.5, assets=0.0, equity=-3.0)
    world.filing(NEXT, NEXT + 40, annual=True, revenues=9.0, net_income=8.0, eps_basic=0.5, assets=10.0, equity=-2.0)
    row = at(world, NEXT + 40)
    assert {name for name in ("SG", "IG", "EG", "AG", "ROE") if not math.isnan(row[name])} == set()
    assert row["DEP"] == pytest.approx(1.0 / 20)
    assert row["BP"] == pytest.approx(-2 / (16 * 20))
    assert row["LEV"] == pytest.approx(1.2)


@pytest.mark.parametrize(("income", "eps"), [(40.0, 0.05), (-40.0, 0.40), (0.0, 0.40), (40.0, math.nan)])
def test_shares_come_from_an_older_filing_where_the_newest_does_not_tell_them(income: float, eps: float) -> None:
    world = World()
    world.filing(YEAR, YEAR + 40, annual=True, net_income=50.0, eps_basic=0.5, equity=700.0)
    world.filing(Q1, Q1 + 40, net_income=income, eps_basic=eps, equity=720.0)
    assert at(world, Q1 + 40)["BP"] == pytest.approx(720 / (100 * 20))


def test_a_set_that_reads_filings_is_not_computed_without_them() -> None:
    world = World().series([10.0, 11.0, 12.0])
    with pytest.raises(ValueError, match="factor set fundamental takes series from filings"):
        compute(*world.known(0, 2), grid(0, 2), 1, FUNDAMENTAL, np.array([2]))


def test_the_hash_of_a_set_without_filings_does_not_hang_on_how_they_are_read() -> None:
    assert replace(FUNDAMENTAL, source=None).definition_hash != FUNDAMENTAL.definition_hash
    assert (FUNDAMENTAL.history, ALPHA158.history) == (1150, 0)


SYMBOLS, FIRST, LAST = 25, 1500, 1560
WANTED = list(range(FIRST, LAST + 1))
Table = dict[tuple[int, int], bytes]


@pytest.fixture(scope="module")
def world() -> World:
    """A drawn market from session ``FIRST`` on, whose companies file late, twice, or not at all."""
    rng = np.random.default_rng(17)
    market = drawn(3, SYMBOLS, LAST - FIRST + 1)
    moved = World(
        [(row[0], row[1] + FIRST, row[2] + FIRST * DAY, *row[3:]) for row in market.bars],
        [(row[0], row[1] + FIRST, row[2] + FIRST * DAY, *row[3:]) for row in market.actions],
    )
    for symbol in range(SYMBOLS):
        for ex in rng.integers(300, FIRST, 3).tolist():
            moved.action(symbol, ex, 0.5, split=True, known=ex + int(rng.integers(0, 3)))
        for quarter in range(16):
            end = 200 + symbol % 3 * 30 + round(91.25 * quarter) + int(rng.integers(-3, 4))
            _file(moved, rng, symbol, end, annual=quarter % 4 == symbol % 4)
    return moved


def _file(world: World, rng: np.random.Generator, symbol: int, end: int, *, annual: bool) -> None:
    for amended in (False, True):
        if rng.random() < (0.1 if not amended else 0.8):
            continue
        figures = {name: float(rng.normal(100, 60)) for name in ("revenues", "net_income", "assets", "equity", "cash")}
        known = end + int(rng.integers(20, 120))
        world.filing(end, known, symbol=symbol, annual=annual, amended=amended, eps_basic=float(rng.normal(1, 1)),
                     cash_flow_op=float(rng.normal(100, 60)), **figures)  # fmt: skip


@pytest.fixture(scope="module")
def bulk(world: World) -> Table:
    return world.rows(FUNDAMENTAL, WANTED, SYMBOLS)


def test_the_drawn_companies_hold_what_makes_this_hard(world: World, bulk: Table) -> None:
    inside = [row for row in world.filings if cut_off(FIRST) < row[2] <= cut_off(LAST)]
    assert sum(row[4] for row in inside) >= 3
    values = np.array([np.frombuffer(row, dtype=np.float32) for row in bulk.values()])
    known = dict(zip(FUNDAMENTAL.names, (~np.isnan(values)).mean(axis=0), strict=True))
    assert min(known[name] for name in ("EP", "EPQ", "BP", "SG", "ROE", "ACC", "PAGE")) > 0.2


def test_bulk_rows_equal_rows_computed_day_by_day_byte_for_byte(world: World, bulk: Table) -> None:
    daily: Table = {}
    for session in WANTED:
        daily |= world.rows(FUNDAMENTAL, [session], SYMBOLS)
    assert daily == bulk


def test_neither_the_order_of_rows_nor_filings_and_splits_of_long_ago_show(world: World, bulk: Table) -> None:
    more = World(world.bars[::-1], world.actions[::-1], world.filings[::-1])
    for symbol in range(SYMBOLS):
        more.filing(FIRST - FUNDAMENTAL.history - 1, 700, symbol=symbol, annual=True, assets=1.0, net_income=1.0)
        more.action(symbol, 250, 0.1, split=True)
    first, last = FIRST - FUNDAMENTAL.depth, LAST
    bars, actions = more.known(first, last, 2000)
    columns = np.array(WANTED) - first
    rows = compute(bars, actions, grid(first, last), SYMBOLS, FUNDAMENTAL, columns, more.filed(0, last))
    found = zip(zip(rows.symbol.tolist(), rows.session.tolist(), strict=True), rows.values.T, strict=True)
    assert {key: row.tobytes() for key, row in found} == bulk


def test_no_row_moves_when_everything_known_after_its_cut_off_changes(world: World, bulk: Table) -> None:
    today = FIRST + 30
    known = cut_off(today)
    changed = World(
        [row if row[2] <= known else (*row[:4], *(3.0 * value for value in row[4:])) for row in world.bars],
        [row if row[2] <= known else (*row[:3], row[3] * 0.7, row[4]) for row in world.actions],
        [row if row[2] <= known else (*row[:5], *(5.0 * value for value in row[5:])) for row in world.filings],
    )
    for symbol in range(SYMBOLS):
        changed.filing(FIRST - 60, today + 1, symbol=symbol, amended=True, assets=1.0)
        changed.action(symbol, FIRST - 70, 0.1, split=True, known=today + 1)
    found = changed.rows(FUNDAMENTAL, WANTED, SYMBOLS)
    upto = {key: row for key, row in bulk.items() if key[1] <= today}
    assert {key: row for key, row in found.items() if key[1] <= today} == upto
    assert any(found[key] != row for key, row in bulk.items() if key[1] > today)
