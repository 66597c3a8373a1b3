"""Panels with a signal of known strength, and settings."""

from datetime import date, timedelta

import numpy as np

from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.settings import (
    Ceilings,
    FirstRelease,
    GateSettings,
    PortfolioSettings,
    Replacement,
)

PORTFOLIO = PortfolioSettings(cost_bps=5, sessions_per_year=252, min_symbols=10)
GATE = GateSettings(
    min_sessions=20,
    first_release=FirstRelease(offer=0.05, publish=0.001),
    replacement=Replacement(
        quantile=0.05, margin=0.01, floor=0.0, hysteresis=0.005, loss_budget=0.005, loss_quantile=0.1
    ),
    too_good=Ceilings(rank_ic=0.35, t=100, sharpe=1000),
    portfolio=PORTFOLIO,
)


def days(count: int, first: date = date(2020, 1, 1)) -> tuple[date, ...]:
    return tuple(first + timedelta(days=number) for number in range(count))


def make_panel(
    correlation: float, *, horizon: int = 1, sessions: int = 160, symbols: int = 200, seed: int = 1
) -> ScorePanel:
    """Scores of two families with the given correlation with labels that overlap over ``horizon`` sessions."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((sessions + horizon - 1, symbols))
    labels = sum(shocks[k : k + sessions] for k in range(horizon)) / np.sqrt(horizon)
    scores = {
        family: correlation * labels + np.sqrt(1 - correlation**2) * rng.standard_normal(labels.shape)
        for family in ("lightgbm", "ridge")
    }
    folds = np.repeat(np.arange(4), -(-sessions // 4))[:sessions]
    return ScorePanel(horizon, days(sessions), folds, 0.02 * labels, scores)
