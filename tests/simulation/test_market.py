"""Invariant: the delivered prices behave like prices, and actions leave no false return."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest

from afterbell.errors import ConfigError, NotASessionError
from afterbell.simulation.market import MarketSpec, simulate
from tests.simulation.reading import market_of, panel_of, price_drops, text_of

SPEC = MarketSpec(symbols=250, sessions=160, faults=False)


def test_a_split_jumps_as_traded_and_not_adjusted() -> None:
    market, _ = market_of(SPEC)
    panel = panel_of(SPEC)
    ratios = {event.amount for event in market.truth.splits}
    assert ratios == {2.0, 3.0, 0.1}
    for event in market.truth.splits:
        assert abs(panel.raw_returns.loc[event.session, event.symbol]) > 0.4
        assert abs(panel.returns.loc[event.session, event.symbol]) < 0.15
        expected = {2.0: 0.5, 3.0: 0.3333, 0.1: 10.0}[event.amount or 0.0]
        assert panel.factor.loc[event.session, event.symbol] == pytest.approx(expected, rel=2e-4)


def test_a_dividend_s_factor_is_one_less_dividend_over_close() -> None:
    market, _ = market_of(SPEC)
    panel = panel_of(SPEC)
    assert len(market.truth.dividends) > 50
    for event in market.truth.dividends:
        before = panel.close[event.symbol].shift(1)[event.session]
        assert panel.factor.loc[event.session, event.symbol] == pytest.approx(1 - event.amount / before, abs=1e-6)


def test_every_other_factor_is_one() -> None:
    market, _ = market_of(SPEC)
    panel = panel_of(SPEC)
    actions = {(e.session, e.symbol) for e in market.truth.splits + market.truth.dividends}
    delivered = panel.factor.stack()
    assert set(delivered[delivered != 1.0].index) == actions


def test_volatility_clusters() -> None:
    size = panel_of(SPEC).returns.abs()
    lagged = [size[symbol].autocorr(1) for symbol in size]
    assert np.mean(lagged) > 3 * np.std(lagged) / np.sqrt(len(lagged))


def test_returns_have_heavier_tails_than_a_normal() -> None:
    returns = panel_of(SPEC).returns
    assert returns.kurt().mean() > 0.5  # pandas gives excess kurtosis: 0 for a normal


def test_listed_and_delisted_symbols_come_and_go_by_the_truth() -> None:
    market, _ = market_of(SPEC)
    close = panel_of(SPEC).close
    newest = market.dates[-1].isoformat()
    late = {e.symbol: e.session for e in market.truth.listings}
    gone = {e.symbol: e.session for e in market.truth.delistings}
    assert late
    assert gone
    for symbol in close:
        there = close[symbol].dropna().index
        assert there[0] == late.get(symbol, market.dates[0].isoformat())
        assert there[-1] == gone.get(symbol, newest)


def test_a_delisted_symbol_leaves_the_master_the_week_after() -> None:
    market, drops = market_of(SPEC)
    masters = {
        date.fromisoformat(f"{d.key[-15:-11]}-{d.key[-11:-9]}-{d.key[-9:-7]}"): text_of(d)
        for d in drops
        if d.key.startswith("symbols/")
    }
    for event in market.truth.delistings:
        last = date.fromisoformat(event.session)
        for day, text in masters.items():
            named = f"\n{event.symbol}\t" in f"\n{text}"
            assert named == (day <= last), (event, day)


def test_the_truth_can_be_written_as_json() -> None:
    market, _ = market_of(MarketSpec(symbols=20, sessions=30))
    found = json.loads(json.dumps(market.truth.to_json(), allow_nan=False))
    assert set(found["oracle"]) == {"1", "5"}
    assert found["spec"]["last_session"] == "2026-06-30"
    assert {fault["kind"] for fault in found["faults"]} >= {"stray_line", "closed_day", "empty_file"}


def test_restated_closes_are_those_of_the_truth() -> None:
    market, drops = market_of(MarketSpec(symbols=300, sessions=60, faults=False))
    found: set[tuple[str, str]] = set()
    before: dict[tuple[str, str], str] = {}
    for drop in price_drops(drops):
        rows = [line.split(",") for line in text_of(drop).splitlines()[1:]]
        found |= {(r[0], r[1]) for r in rows if (r[0], r[1]) in before and before[r[0], r[1]] != r[5]}
        before |= {(r[0], r[1]): r[5] for r in rows}
    assert found == {(event.symbol, event.session) for event in market.truth.restatements}
    assert found


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"symbols": 9}, "symbols must lie between 10 and 20000, found 9"),
        ({"sessions": 19}, "sessions must lie between"),
        ({"signal": 0.51}, r"signal must lie between 0.0 and 0.5, found 0.51"),
        ({"signal": float("nan")}, "signal must lie"),
        ({"seed": -1}, "seed must lie"),
        ({"horizons": ()}, "horizons"),
        ({"horizons": (0,)}, "each must be 1 or more"),
        ({"sessions": 20, "horizons": (19,)}, "must hold the longest one"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        MarketSpec(**wrong)


def test_a_last_session_on_a_holiday_is_refused() -> None:
    with pytest.raises(NotASessionError, match="2026-07-02"):
        MarketSpec(last_session=date(2026, 7, 3))


def test_sessions_are_counted_back_over_holidays_and_half_days() -> None:
    found = simulate(MarketSpec(symbols=10, sessions=20, last_session=date(2025, 12, 31))).dates
    # XNYS, December 2025: 22 sessions, Christmas closed, the 24th a half day; twenty of them end the year.
    assert found[0] == date(2025, 12, 3)
    assert date(2025, 12, 24) in found
    assert date(2025, 12, 25) not in found
