"""Two contenders on common cells: by hand, and against SciPy's rank correlation."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from afterbell.evaluation.paired import Scores, join_scores, pair
from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.rivals import live_scores
from tests.evaluation.conftest import days

SYMBOLS = tuple(f"S{number:02d}" for number in range(30))


def panel(scores: np.ndarray, labels: np.ndarray, symbols: tuple[str, ...] = SYMBOLS) -> ScorePanel:
    return ScorePanel(1, days(len(labels)), np.zeros(len(labels), int), labels, {"ridge": scores}, symbols)


def test_rank_ics_are_those_of_the_symbols_that_both_have() -> None:
    rng = np.random.default_rng(1)
    labels, own = rng.normal(size=(4, 30)), rng.normal(size=(4, 30))
    rival_symbols = (*SYMBOLS[10:], "ZZ")
    rival = rng.normal(size=(3, 21))
    result = pair({1: panel(own, labels)}, {1: Scores(days(5)[2:5], rival_symbols, rival)}, 10)[1]
    assert result.sessions == days(4)[2:]
    assert result.cells == 2 * 20
    for row, session in enumerate((2, 3)):
        expected = stats.spearmanr(own[session, 10:], labels[session, 10:]).statistic
        assert result.own[row] == pytest.approx(expected)
        assert result.rival[row] == pytest.approx(stats.spearmanr(rival[row, :20], labels[session, 10:]).statistic)


def test_easier_symbols_are_no_advantage() -> None:
    """The candidate leaves out the half on which the rival has no skill: on the other half they are alike."""
    rng = np.random.default_rng(2)
    labels = rng.normal(size=(40, 30))
    skilled = labels + rng.normal(size=labels.shape)
    own = skilled.copy()
    own[:, 15:] = np.nan
    rival = skilled.copy()
    rival[:, 15:] = rng.normal(size=(40, 15))
    result = pair({1: panel(own, labels)}, {1: Scores(days(40), SYMBOLS, rival)}, 10)[1]
    assert result.difference == pytest.approx(np.zeros(40))


def test_a_session_with_too_few_common_symbols_does_not_count() -> None:
    rng = np.random.default_rng(3)
    labels, own = rng.normal(size=(2, 30)), rng.normal(size=(2, 30))
    rival = own.copy()
    rival[0, 9:] = np.nan
    assert pair({1: panel(own, labels)}, {1: Scores(days(2), SYMBOLS, rival)}, 10)[1].sessions == days(2)[1:]


def test_a_horizon_of_one_alone_is_left_out() -> None:
    scores = np.ones((1, 30))
    assert pair({1: panel(scores, scores)}, {5: Scores(days(1), SYMBOLS, scores)}, 10) == {}


def test_live_scores_follow_the_tested_ones() -> None:
    tested = Scores(days(2), ("A", "B"), np.array([[1.0, 2.0], [3.0, 4.0]]))
    live = Scores(days(3)[1:], ("B", "C"), np.array([[5.0, 6.0], [7.0, np.nan]]))
    both = join_scores(tested, live)
    assert (both.sessions, both.symbols) == (days(3), ("A", "B", "C"))
    np.testing.assert_array_equal(both.values, [[1, 2, np.nan], [np.nan, 5, 6], [np.nan, 7, np.nan]])


def test_rows_of_signals_become_scores_whatever_their_order() -> None:
    first, second = date(2020, 1, 2), date(2020, 1, 3)
    rows = pl.DataFrame(
        [("B", second, 1, 0.4), ("A", first, 1, 0.1), ("B", first, 1, 0.2), ("A", first, 5, 0.9)],
        schema=["symbol", "as_of", "horizon", "score"], orient="row",
    )  # fmt: skip
    scores = live_scores(rows)
    assert sorted(scores) == [1, 5]
    assert (scores[1].sessions, scores[1].symbols) == ((first, second), ("A", "B"))
    np.testing.assert_array_equal(scores[1].values, [[0.1, 0.2], [np.nan, 0.4]])
