"""The long-short decile portfolio, by hand."""

import numpy as np
import pytest

from afterbell.evaluation.portfolio import long_short
from afterbell.evaluation.settings import PortfolioSettings

FREE = PortfolioSettings(cost_bps=0, sessions_per_year=252, min_symbols=10)
COSTLY = PortfolioSettings(cost_bps=10, sessions_per_year=252, min_symbols=10)


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
    # Bought at the close of the session after, earned by the close of the one after that.
    assert found.wealth == pytest.approx([1, 1, 1.04, 1.04 * 0.99])
    assert found.max_drawdown == pytest.approx(0.01)
    # Of two legs of one name each, one name was replaced.
    assert found.turnover == pytest.approx(0.5)
    assert found.sharpe_net == pytest.approx(0.015 / (0.05 / np.sqrt(2)) * np.sqrt(252))
    assert found.deciles[[0, 9]] == pytest.approx([0.005, 0.02])


def test_costs_are_charged_on_what_is_bought_and_sold():
    found = long_short(*two_sessions(), 1, COSTLY)
    # First both legs are built (2 traded), then one leg sells one name and buys another (2 traded), 10 bps each.
    assert found.net == pytest.approx([0.04 - 0.002, -0.01 - 0.002])
    assert found.gross == pytest.approx([0.04, -0.01])
    assert found.costs == pytest.approx(0.002)
    assert found.sharpe_gross == pytest.approx(0.015 / (0.05 / np.sqrt(2)) * np.sqrt(252))
    assert found.sharpe_net == pytest.approx(0.013 / (0.05 / np.sqrt(2)) * np.sqrt(252))


def test_overlapping_horizons_run_side_by_side():
    scores = np.tile(np.arange(10.0), (4, 1))
    labels = np.zeros((4, 10))
    labels[:, 9] = [0.10, 0.00, 0.10, -0.20]
    found = long_short(scores, labels, 2, FREE)
    # Portfolio one earns 10 % twice, portfolio two nothing and then -20 %: each has half of the money.
    assert found.wealth == pytest.approx([1, 1, 1, 1.05, 1.05, (1.21 + 1.0) / 2, (1.21 + 0.8) / 2])
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
    assert long_short(scores, labels, 1, COSTLY).net == pytest.approx([0.04 - 0.002, -0.002])  # it is sold off
    assert found.net == pytest.approx([0.04, 0.0])
    assert found.decile_spread == pytest.approx(0.04)
    assert np.isnan(found.sharpe_net)


def test_the_legs_are_what_each_side_adds_to_holding_everything():
    found = long_short(*two_sessions(), 1, COSTLY)
    # All ten earn 0.002 and 0.003 in the mean; the best 0.03 and 0.01, the worst -0.01 and 0.02.
    assert found.long_leg == pytest.approx((0.028 + 0.007) / 2)
    assert found.short_leg == pytest.approx((0.012 - 0.017) / 2)
    assert found.long_leg + found.short_leg == pytest.approx(found.decile_spread)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("symbols", [40, 43])
def test_constant_scores_are_no_portfolio_whatever_symbols_are_called(horizon, symbols):
    """By the order of their names the first would be short and the last long, a Sharpe ratio of 13 with such labels."""
    labels = np.random.default_rng(3).normal(np.linspace(-0.01, 0.01, symbols), 0.01, (60, symbols))
    found = long_short(np.full(labels.shape, 0.7), labels, horizon, COSTLY)
    assert found.decile_spread == 0.0
    assert found.net.tolist() == [0.0] * 60
    assert set(found.wealth.tolist()) == {1.0}
    assert np.isnan([found.sharpe_gross, found.sharpe_net, found.turnover, found.costs]).all()
    assert found.deciles == pytest.approx(labels.mean())


def test_a_name_that_is_as_much_long_as_short_is_not_held():
    """Two values only: the upper seven of twenty share the tops, and nobody knows which of them is the best."""
    scores, labels = np.repeat([[0.0, 1.0]], [13, 7], axis=1), np.zeros((1, 20))
    labels[0, 13:] = 0.07
    found = long_short(scores, labels, 1, COSTLY)
    # One seventh of the long leg in each of the seven, one thirteenth of the short in each of the others.
    assert found.net == pytest.approx([0.07 - 0.002])
    found = long_short(np.repeat([[0.0, 1.0]], [19, 1], axis=1), labels, 1, COSTLY)
    # The best alone, and one of the nineteen others for the second place: 1/38 of a leg each, short 1/19 each.
    assert found.net == pytest.approx([0.07 * (0.5 + 6 * (1 / 38 - 1 / 19)) - (1 / 2 + 19 * (1 / 19 - 1 / 38)) * 1e-3])
