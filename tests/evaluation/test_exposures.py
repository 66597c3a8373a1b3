"""Exposures against scipy, statsmodels' regression and planted figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from afterbell.evaluation.exposures import BETA_LEAST, BETA_WINDOW, exposures_of, market_beta, neutralise
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import days


def test_exposures_are_scipys_rank_correlations_by_session() -> None:
    rng = np.random.default_rng(1)
    size, scores, labels = (rng.standard_normal((12, 60)) for _ in range(3))
    scores += 0.5 * size
    size[3, :30] = np.nan
    found = exposures_of(scores, labels, {"size": size}, 1, 10)
    assert found is not None
    expected = [stats.spearmanr(a, b, nan_policy="omit").statistic for a, b in zip(scores, size, strict=True)]
    assert found.correlations["size"].value == pytest.approx(np.mean(expected))
    cells = np.isfinite(size)
    expected = [stats.spearmanr(a[c], b[c]).statistic for a, b, c in zip(scores, labels, cells, strict=True)]
    assert found.rank_ic.value == pytest.approx(np.mean(expected))


def test_what_only_the_size_knows_is_gone_without_it_and_skill_stays() -> None:
    rng = np.random.default_rng(2)
    size, skill, noise = (rng.standard_normal((80, 300)) for _ in range(3))
    labels = 0.3 * size + 0.1 * skill + noise
    held = exposures_of(size + 0.3 * rng.standard_normal(size.shape), labels, {"size": size}, 1, 20)
    skilled = exposures_of(size + skill, labels, {"size": size}, 1, 20)
    assert held is not None
    assert skilled is not None
    assert held.rank_ic.value > 0.2
    assert abs(held.neutral_rank_ic.value) < 3 * held.neutral_rank_ic.error
    # What is left is the skill, whose own rank correlations with the labels scipy knows.
    own = np.mean([stats.spearmanr(a, b).statistic for a, b in zip(skill, labels, strict=True)])
    assert skilled.neutral_rank_ic.value == pytest.approx(own, abs=0.004)


def test_residuals_are_those_of_scipys_regression() -> None:
    rng = np.random.default_rng(3)
    values, other = rng.standard_normal((2, 25)), rng.standard_normal((1, 2, 25))
    values[0, 4] = np.nan
    found = neutralise(values, other)
    line = stats.linregress(other[0, 1], values[1])
    assert found[1] == pytest.approx(values[1] - line.intercept - line.slope * other[0, 1])
    assert np.isnan(found[0, 4])
    assert np.isfinite(found[0]).sum() == 24


def test_scores_that_are_the_size_alone_have_nothing_left() -> None:
    size = np.random.default_rng(4).standard_normal((5, 30))
    found = exposures_of(size, size, {"size": size}, 1, 10)
    assert found is not None
    assert found.correlations["size"].value == pytest.approx(1.0)
    assert found.neutral_rank_ic.values == 0


def test_a_characteristic_that_nobody_knows_is_left_out() -> None:
    scores = np.random.default_rng(5).standard_normal((5, 30))
    nothing = np.full(scores.shape, np.nan)
    assert exposures_of(scores, scores, {"size": nothing}, 1, 10) is None
    found = exposures_of(scores, scores, {"size": nothing, "beta": -scores}, 1, 10)
    assert found is not None
    assert list(found.correlations) == ["beta"]


def test_betas_are_regressions_on_the_returns_known_then() -> None:
    rng, sessions = np.random.default_rng(6), 200
    true = np.linspace(0.5, 1.5, 21)
    returns = 0.01 * (rng.standard_normal((sessions, 1)) * true + 0.5 * rng.standard_normal((sessions, 21)))
    names = tuple(f"S{number:02d}" for number in range(21))
    daily = ScorePanel(1, days(sessions), np.zeros(sessions, int), returns, {}, names)
    panel = ScorePanel(5, (days(sessions)[150], days(202)[201]), np.zeros(2, int), np.zeros((2, 2)), {}, ("S20", "X"))
    found = market_beta(daily, panel)
    known = slice(149 - BETA_WINDOW, 149)  # the label of session 148 ends at the close of session 150
    expected = stats.linregress(returns[known].mean(axis=1), returns[known, 20]).slope
    assert found[0, 0] == pytest.approx(expected)
    assert np.isnan(found[[0, 1, 1], [1, 0, 1]]).all()
    early = market_beta(daily, daily)
    assert np.isnan(early[: BETA_LEAST + 1]).all()
    assert np.isfinite(early[BETA_LEAST + 1]).all()
    later = returns.copy()
    later[100:] += 1.0
    assert np.array_equal(
        market_beta(ScorePanel(1, daily.sessions, daily.folds, later, {}, names), daily)[:102], early[:102],
        equal_nan=True,
    )  # fmt: skip
