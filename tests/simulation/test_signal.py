"""Invariant: a planted signal is found in the delivered bytes, and none is found where none was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afterbell.simulation.market import MarketSpec
from tests.simulation.reading import Panel, market_of, panel_of

PLANTED = MarketSpec(symbols=150, sessions=150, signal=0.25, faults=False)
NOTHING = MarketSpec(symbols=150, sessions=150, signal=0.0, faults=False, seed=11)


def information_coefficients(factor: pd.DataFrame, label: pd.DataFrame) -> pd.Series:
    return factor.corrwith(label, axis=1).dropna()


def label_over(panel: Panel, horizon: int) -> pd.DataFrame:
    """close(t+1+h)/close(t+1) - 1 with dividends, in the row of session t."""
    level = (1 + panel.returns).fillna(1.0).cumprod().where(panel.close.notna())
    return level.shift(-1 - horizon) / level.shift(-1) - 1


def abnormal_volume(panel: Panel) -> pd.DataFrame:
    volume = panel.first_volume
    return np.log(volume / volume.rolling(20).mean())


@pytest.mark.parametrize("horizon", [1, 5])
def test_abnormal_volume_finds_most_of_the_planted_signal(horizon: int) -> None:
    market, _ = market_of(PLANTED)
    panel = panel_of(PLANTED)
    found = information_coefficients(abnormal_volume(panel), label_over(panel, horizon)).mean()
    planted = market.truth.oracle[horizon].ic
    assert 0.75 * planted < found < 1.05 * planted


def test_the_oracle_over_one_session_is_close_to_the_signal() -> None:
    market, _ = market_of(PLANTED)
    found = market.truth.oracle[1]
    assert found.ic == pytest.approx(0.25, abs=0.03)
    # 148 sessions of 150 symbols: the standard error of a mean of correlations is near 1/sqrt(148 * 150).
    assert found.ic_se == pytest.approx(0.0067, rel=0.3)
    assert found.sessions == 148


def test_the_oracle_over_five_sessions_is_the_driver_s_decaying_sum() -> None:
    market, _ = market_of(PLANTED)
    # Five returns led by u(t)..u(t+4): signal * (1 + 1/2 + 1/4 + 1/8 + 1/16) over the deviation of five returns.
    assert market.truth.oracle[5].ic == pytest.approx(0.25 * 1.9375 / np.sqrt(5.2), abs=0.035)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("visible", ["volume", "reversal", "momentum", "volatility", "price", "size"])
def test_without_a_signal_nothing_visible_leads_returns(horizon: int, visible: str) -> None:
    panel = panel_of(NOTHING)
    factors = {
        "volume": abnormal_volume(panel),
        "reversal": panel.returns,
        "momentum": panel.returns.rolling(20).sum(),
        "volatility": panel.returns.abs().rolling(20).mean(),
        "price": np.log(panel.close),
        "size": np.log(panel.close * panel.first_volume),
    }
    values = information_coefficients(factors[visible], label_over(panel, horizon))
    blocks = values.groupby(np.arange(len(values)) // 10).mean()  # overlapping labels: blocks of ten sessions
    assert abs(blocks.mean()) < 3 * blocks.std() / np.sqrt(len(blocks))


def test_without_a_signal_the_oracle_finds_none() -> None:
    market, _ = market_of(NOTHING)
    for found in market.truth.oracle.values():
        assert abs(found.ic) < 3 * found.ic_se
        assert abs(found.rank_ic) < 3 * found.rank_ic_se


def test_delisting_tells_nothing_about_returns() -> None:
    market, _ = market_of(MarketSpec(symbols=600, sessions=80, faults=False))
    panel = panel_of(MarketSpec(symbols=600, sessions=80, faults=False))
    gone = [event.symbol for event in market.truth.delistings]
    assert len(gone) == 18
    last = [panel.returns[symbol].dropna().tail(10).mean() for symbol in gone]
    assert abs(np.mean(last)) < 3 * np.std(last) / np.sqrt(len(last))
