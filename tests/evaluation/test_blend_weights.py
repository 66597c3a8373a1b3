"""Weights of families by scipy's non-negative least squares, and what each fold may know of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.optimize import nnls
from scipy.stats import rankdata

from afterbell.evaluation.blend_weights import FEWEST_SESSIONS, learn_weights, share, with_learned_weights
from afterbell.evaluation.out_of_sample import panels_of
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import days


def make_panel(strengths: dict[str, float], sessions: int = 80, horizon: int = 1) -> ScorePanel:
    """Four folds of 40 symbols, families with a correlation of their own with the label; some cells are missing."""
    rng = np.random.default_rng(5)
    labels = rng.standard_normal((sessions, 40))
    scores = {
        name: strength * labels + np.sqrt(1 - strength**2) * rng.standard_normal(labels.shape)
        for name, strength in strengths.items()
    }
    labels[rng.random(labels.shape) < 0.1] = np.nan
    return ScorePanel(horizon, days(sessions), np.repeat(np.arange(4), sessions // 4), labels, scores)


def by_scipy(panel: ScorePanel) -> dict[str, float]:
    """Unit vectors of centred ranks of all sessions below each other, and the penalty as rows of their own."""
    names, rows, right = sorted(panel.scores), [], []
    for session, labels in enumerate(panel.labels):
        known = np.isfinite(labels)
        unit = []
        for values in (*(panel.scores[name][session] for name in names), labels):
            ranks = rankdata(values[known])
            unit.append((ranks - ranks.mean()) / np.linalg.norm(ranks - ranks.mean()))
        rows.append(np.array(unit[:-1]).T)
        right.append(unit[-1])
    count = len(names)
    penalty = np.sqrt(0.1 * len(rows)) * np.eye(count)
    found, _ = nnls(np.vstack([*rows, penalty]), np.concatenate([*right, np.zeros(count)]))
    return dict(zip(names, found / found.sum(), strict=True))


@pytest.mark.parametrize(
    "strengths",
    [{"a": 0.3, "b": 0.1}, {"b": 0.05, "a": 0.2, "c": 0.1}, {"a": 0.2, "b": -0.2, "c": 0.1}],
    ids=["two", "three, in no order", "one turned over"],
)
def test_weights_are_those_of_non_negative_least_squares(strengths: dict[str, float]) -> None:
    panel = make_panel(strengths)
    found = learn_weights(panel)
    assert found == pytest.approx(by_scipy(panel), abs=2e-6)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-12)
    assert (found["b"] == 0.0) == (strengths["b"] < 0)


def test_families_that_are_the_same_share_their_weight_and_without_skill_each_counts_alike() -> None:
    panel = make_panel({"a": 0.2})
    assert learn_weights(replace(panel, scores={"a": panel.scores["a"], "b": panel.scores["a"]})) == {
        "a": 0.5,
        "b": 0.5,
    }
    assert learn_weights(make_panel({"a": -0.3, "b": -0.4})) == {"a": 0.5, "b": 0.5}


def test_too_few_sessions_teach_nothing() -> None:
    panel = make_panel({"a": 0.5, "b": 0.0})
    few = np.arange(80) < FEWEST_SESSIONS - 1
    assert learn_weights(panel, few) == {"a": 0.5, "b": 0.5}
    assert learn_weights(panel, np.arange(80) < FEWEST_SESSIONS)["a"] > 0.8


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_fold_is_blended_by_what_was_known_when_it_began(horizon: int) -> None:
    panel = make_panel({"a": 0.4, "b": 0.2}, sessions=160, horizon=horizon)
    found = with_learned_weights(panel)
    weights = found.weights["a"][:, 0]
    assert weights[:40].tolist() == [0.5] * 40
    assert min(weights[40:]) > 0.6
    # What is bought on t + 1 and sold on t + 1 + h is known by then: the third fold begins with session 80.
    last = 80 - 1 - horizon - 1
    for first_changed, same in ((last + 1, True), (last, False)):
        labels = panel.labels.copy()
        labels[first_changed:] = -labels[first_changed:]
        other = with_learned_weights(replace(panel, labels=labels)).weights["a"][:, 0]
        assert other[:80].tolist() == weights[:80].tolist()
        assert bool(other[80] == weights[80]) == same


def test_rows_of_predictions_are_blended_so_where_the_specification_asks_for_it() -> None:
    panel = make_panel({"a": 0.5, "b": 0.0}, sessions=100)
    rows = pl.concat(
        pl.DataFrame({
            "candidate_id": "c", "symbol": [f"S{n:02d}" for n in range(40)], "session": day, "horizon": 1,
            "family": family, "fold": int(fold), "prediction": panel.scores[family][number],
            "label": panel.labels[number],
        })
        for number, (day, fold) in enumerate(zip(panel.sessions, panel.folds, strict=True))
        for family in panel.scores
    )  # fmt: skip
    assert panels_of(rows)[1].weights is None
    learned = panels_of(rows, learned=True)[1]
    expected = with_learned_weights(panel)
    assert learned.weights["a"].tolist() == expected.weights["a"].tolist()
    assert np.array_equal(learned.blend(), expected.blend(), equal_nan=True)
    assert not np.array_equal(learned.blend()[-1], panels_of(rows)[1].blend()[-1], equal_nan=True)


def test_of_the_families_that_are_there_the_weights_sum_to_one() -> None:
    assert share({"a": 0.2, "b": 0.3, "c": 0.5}, ["a", "b"]) == {"a": pytest.approx(0.4), "b": pytest.approx(0.6)}
    assert share({"c": 1.0}, ["a", "b"]) == {"a": 0.5, "b": 0.5}
