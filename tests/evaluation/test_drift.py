"""Drift of scores by session, by scipy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.drift import coverage, score_drift
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import days


def panel(scores: np.ndarray, first: int, symbols: list[str]) -> ScorePanel:
    dates = days(20)[first : first + len(scores)]
    return ScorePanel(1, dates, np.zeros(len(scores), int), scores * 0, {"ridge": scores}, tuple(symbols))


def test_drift_is_the_rank_correlation_on_common_symbols_and_sessions() -> None:
    rng = np.random.default_rng(0)
    names = [f"S{number:02d}" for number in range(30)]
    one, two = panel(rng.standard_normal((4, 25)), 0, names[:25]), panel(rng.standard_normal((4, 25)), 2, names[5:])
    one.scores["ridge"][3, 7] = np.nan
    sessions, found = score_drift(one, two, 10)
    assert sessions == list(days(20)[2:4])
    left, right = one.scores["ridge"][2:, 5:], two.scores["ridge"][:2, :20]
    expected = [stats.spearmanr(a, b, nan_policy="omit").statistic for a, b in zip(left, right, strict=True)]
    assert found == pytest.approx(expected)
    assert coverage(one).tolist() == [25, 25, 25, 24]


def test_the_same_scores_have_not_moved_and_nothing_in_common_is_no_drift() -> None:
    one = panel(np.random.default_rng(1).standard_normal((3, 12)), 0, [f"S{number}" for number in range(12)])
    assert score_drift(one, one, 10)[1] == pytest.approx([1, 1, 1])
    sessions, found = score_drift(one, dataclasses.replace(one, sessions=days(20)[10:13]), 10)
    assert (sessions, found.size) == ([], 0)
    assert np.isnan(score_drift(one, dataclasses.replace(one, symbols=tuple("abcdefghijkl")), 10)[1]).all()
