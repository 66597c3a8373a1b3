"""The long-short decile portfolio, by hand."""

import numpy as np
import pytest

from afterbell.evaluation.portfolio import decile_of, long_short
from afterbell.evaluation.settings import PortfolioSettings

FREE = PortfolioSettings(cost_bps=0, sessions_per_year=252, min_symbols=10)
COSTLY = PortfolioSettings(cost_bps=10, sessions_per_year=252, min_symbols=10)


def test_deciles_of_twenty_hold_two_each_and_holes_none():
    scores = np.arange(21.0)[None, ::-1].copy()
    scores[0, 4] = np.nan
    found = decile_of(scores)[0]
    assert found[4] == -1
    assert found[[0, 1]].tolist() == [9, 9]
    assert found[[-1, -2]].tolist() == [0, 0]
    assert np.bincount(found[found >= 0]).tolist() == [2] * 10


def two_sessions():
    """Ten symbols; the best stays the best, the worst is replaced."""
    scores = np.array([np.arange(10.0), np.arange(10.0)])
    scores[1, [0, 1]] = [1.0, 0.0]
    labels = np.zeros((2, 10))
    labels[0, 9], labels[0, 0] = 0.03, -0.01
    labels[1, 9], labels[1, 1] = 0.01, 0.02
    return scores, labels


def test_spread_turnover_and_wealth_of_two_sessions():
    found = long_short(*two_sessions(), 1, FREE)
    # 0.03 + 0.01 and then 0.01 - 0.02.
    assert found.decile_spread == pytest.approx((0.04 - 0.01) / 2)
    assert found.net == pytest.approx([0.04, -0.01])
    assert found.wealth == pytest.approx([1.04, 1.04 * 0.99])
    assert found.max_drawdown == pytest.approx(0.01)
    # Of two legs of one name each, one name was replaced.
    assert found.turnover == pytest.approx(0.5)
    assert found.sharpe_net == pytest.approx(0.015 / (0.05 / np.sqrt(2)) * np.sqrt(252))
    assert found.deciles[[0, 9]] == pytest.approx([0.005, 0.02])


def test_costs_are_charged_on_what_is_bought_and_sold():
    found = long_short(*two_sessions(), 1, COSTLY)
    # First both legs are built (2 traded), then one leg sells one name and buys another (2 traded), 10 bps each.
    assert found.net == pytest.approx([0.04 - 0.002, -0.01 - 0.002])


def test_overlapping_horizons_run_side_by_side():
    scores = np.tile(np.arange(10.0), (4, 1))
    labels = np.zeros((4, 10))
    labels[:, 9] = [0.10, 0.00, 0.10, -0.20]
    found = long_short(scores, labels, 2, FREE)
    # Portfolio one earns 10 % twice, portfolio two nothing and then -20 %: each has half of the money.
    assert found.wealth == pytest.approx([1.05, 1.05, (1.21 + 1.0) / 2, (1.21 + 0.8) / 2])
    assert found.max_drawdown == pytest.approx(1 - 1.005 / 1.105)
    assert found.turnover == 0.0


def test_a_drawdown_counts_from_the_money_put_in():
    scores, labels = np.arange(10.0)[None], np.zeros((1, 10))
    labels[0, 9] = -0.25
    assert long_short(scores, labels, 1, FREE).max_drawdown == pytest.approx(0.25)


def test_a_session_without_scores_earns_nothing():
    scores, labels = two_sessions()
    scores[1], labels[1] = np.nan, np.nan
    found = long_short(scores, labels, 1, FREE)
    assert found.net == pytest.approx([0.04, 0.0])
    assert found.decile_spread == pytest.approx(0.04)
    assert np.isnan(found.sharpe_net)
