"""Weights of the families in the blend, learned on out-of-sample sessions that lie before those that they are used on.

With x_f the ranks of family f's scores and y those of the labels, each centred and of unit length within its session,
the weights w >= 0 are those of the least squares of y on the sum of w_f x_f (Wolpert, Neural Networks 5, 1992; with
non-negative weights Breiman, Machine Learning 24, 1996), summed over the sessions. Their correlations are all that it
takes. The scale of the sum does not matter to ranks, so that the weights are scaled to sum to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.metrics import row_correlations
from afterbell.evaluation.panel import Floats, ScorePanel, row_ranks
from afterbell.training.families.fixed_order import solve_positive

FEWEST_SESSIONS = 20
"""Sessions with a known label before anything is learned from them."""
_SHRINK = 0.1
"""Added to the diagonal of the families' correlations: families that are nearly alike share their weight."""
_DIGITS = 6
_FEWEST_SYMBOLS = 10


def is_learned(spec: Mapping[str, object]) -> bool:
    """Whether a model specification, as JSON values, asks for learned weights."""
    return spec.get("blend") == "learned"


def weights_by_horizon(panels: Mapping[int, ScorePanel], *, learned: bool) -> dict[int, dict[str, float]]:
    """The weights of a release, by horizon, learned on all sessions; none where each family counts alike."""
    return {horizon: learn_weights(panel) for horizon, panel in panels.items()} if learned else {}


def share(weights: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """The weights of ``names``, which sum to 1; equal ones where none of them has any."""
    own = {name: weights.get(name, 0.0) for name in names}
    total = sum(own.values())
    return {name: own[name] / total for name in names} if total > 0 else dict.fromkeys(names, 1.0 / len(names))


def with_learned_weights(panel: ScorePanel) -> ScorePanel:
    """The panel whose blend weighs the families, in each fold by what was known when the fold began."""
    weights = {family: np.empty((len(panel.sessions), 1)) for family in panel.scores}
    for fold in np.unique(panel.folds):
        inside = panel.folds == fold
        begin = int(np.flatnonzero(inside)[0])
        # The label of t ends h + 1 sessions later: those that end in the fold are not known when it begins.
        known = np.arange(len(panel.sessions)) < begin - panel.horizon - 1
        for family, weight in learn_weights(panel, known).items():
            weights[family][inside] = weight
    return replace(panel, weights=weights)


def learn_weights(panel: ScorePanel, sessions: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """The weights by family, which are 0 or more and sum to 1; equal ones where too little is known.

    Args:
        panel: predictions and labels.
        sessions: bool (sessions,), those to learn from; all, if left out.
    """
    names = sorted(panel.scores)
    equal = share({}, names)
    chosen = np.ones(len(panel.sessions), np.bool_) if sessions is None else sessions
    values = [*(panel.scores[name][chosen] for name in names), panel.labels[chosen]]
    common = np.all([np.isfinite(one) for one in values], axis=0)
    ranks = [row_ranks(np.where(common, one, np.nan)) for one in values]
    by_session = np.array([[row_correlations(left, right, _FEWEST_SYMBOLS) for right in ranks] for left in ranks])
    usable = np.isfinite(by_session).all(axis=(0, 1))
    if usable.sum() < FEWEST_SESSIONS:
        return equal
    means = by_session[:, :, usable].mean(axis=2)
    weights = _least_squares(means[:-1, :-1] + _SHRINK * np.eye(len(names)), means[:-1, -1])
    return _rounded(share(dict(zip(names, weights.tolist(), strict=True)), names)) if weights.any() else equal


def _least_squares(matrix: Floats, right: Floats) -> Floats:
    """The w >= 0 that minimises ``w @ matrix @ w - 2 w @ right``: with few families each choice of them is tried."""
    size = right.size
    best, least = np.zeros(size), 0.0
    for count in range(1, size + 1):
        for choice in combinations(range(size), count):
            own = list(choice)
            found = solve_positive(matrix[np.ix_(own, own)], right[own])
            value = -float((found * right[own]).sum())
            if (found >= 0).all() and value < least:
                best, least = np.zeros(size), value
                best[own] = found
    return best


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Few digits, so that the last ones of a sum decide nothing; the largest takes what is left to 1."""
    largest = max(weights, key=lambda name: weights[name])
    others = {name: round(weight, _DIGITS) for name, weight in weights.items() if name != largest}
    return {name: others.get(name, round(1.0 - sum(others.values()), _DIGITS)) for name in weights}
