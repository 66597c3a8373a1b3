"""When returns are booked, by hand: at the label's end, or day by day where single sessions are known."""

from __future__ import annotations

import numpy as np
import pytest

from afterbell.evaluation.booking import daily_marks, drawdown, paths, wealth_of
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import days

NAN = np.nan


def make(horizon: int, labels: list[list[float]], sessions: slice, symbols: tuple[str, ...]) -> ScorePanel:
    dates = days(20)[sessions]
    return ScorePanel(horizon, dates, np.zeros(len(dates), int), np.array(labels), {}, symbols)


def test_marks_are_the_labels_over_one_session_of_the_same_symbols_and_sessions() -> None:
    panel = make(3, [[0.0, 0.0]] * 2, slice(2, 4), ("B", "C"))
    daily = make(1, [[0.1 * row, 0.2 * row, 0.3 * row] for row in range(1, 5)], slice(3, 7), ("A", "B", "X"))
    # The panel's sessions are 2 and 3, and two more follow; those that are marked begin with 3, and C has no label.
    found = daily_marks(panel, daily)
    assert found == pytest.approx(np.array([[NAN, NAN], [0.2, NAN], [0.4, NAN], [0.6, NAN]]), nan_ok=True)


def test_a_position_is_marked_daily_and_settled_by_its_label() -> None:
    positions, labels = np.array([[0.5, 0.5, -1.0]]), np.array([[0.21, 0.30, 0.10]])
    marks = np.array([[0.1, NAN, 0.02], [0.1, NAN, NAN], [9.0, 9.0, 9.0]])
    # After one session 0.5 x 10 % - 2 %; after two 0.5 x 21 % - 2 %; after three the labels, whatever the third mark.
    assert paths(positions, labels, 3, marks)[:, 0] == pytest.approx([0, 0.03, 0.085, 0.155])
    assert paths(positions, labels, 3)[:, 0] == pytest.approx([0, 0, 0, 0.155])


def test_wealth_moves_where_the_label_ends() -> None:
    path = np.zeros((3, 4))
    path[2] = [0.10, 0.00, 0.10, -0.20]
    found = wealth_of(path, np.zeros(4))
    # Portfolio one is formed at 0 and 2 and earns 10 % at 3 and at 5, portfolio two loses its 20 % at 6.
    assert found == pytest.approx([1, 1, 1, 1.05, 1.05, (1.21 + 1) / 2, (1.21 + 0.8) / 2])


def test_costs_are_booked_when_trading_and_what_is_lost_stays_lost() -> None:
    path = np.array([[0.0, 0.0, 0.0], [0.1, -1.5, 0.5]])
    found = wealth_of(path, np.array([0.01, 0.0, 0.0]))
    assert found == pytest.approx([1, 0.99, 1.09, 0, 0])


def test_losses_of_one_day_fall_on_one_day() -> None:
    """A crash of one session is in the labels of the five before it: their portfolios lose together, not in turn."""
    daily = np.zeros((30, 1))
    daily[15] = -0.5
    labels = np.array([[np.prod(1 + daily[row : row + 5]) - 1] for row in range(26)])
    positions = np.ones((26, 1))
    marked = wealth_of(paths(positions, labels, 5, daily), np.zeros(26))
    late = wealth_of(paths(positions, labels, 5), np.zeros(26))
    # Earned between the closes of sessions 16 and 17.
    assert marked[:17] == pytest.approx(1.0)
    assert marked[17:] == pytest.approx(0.5)
    # Without marks each fifth shows its loss when its label ends: sessions 17 to 21.
    assert late[16:22] == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5])


@pytest.mark.parametrize(("wealth", "fall"), [([1.1, 0.55, 0.9], 0.5), ([0.8, 0.9], 0.2), ([1.0, 1.2], 0.0)])
def test_a_drawdown_counts_from_the_highest_and_from_the_money_put_in(wealth: list[float], fall: float) -> None:
    assert drawdown(np.array(wealth)) == pytest.approx(fall)


def test_without_wealth_there_is_no_drawdown() -> None:
    assert np.isnan(drawdown(np.array([])))
