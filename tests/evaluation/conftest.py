"""Panels with a signal of known strength, and settings."""

from datetime import date, timedelta

import numpy as np

from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.settings import GateSettings, PortfolioSettings

PORTFOLIO = PortfolioSettings(cost_bps=5, sessions_per_year=252, min_symbols=10)
GATE = GateSettings(
    min_sessions=20, margin=0.01, quantile=0.05, resamples=2000, seed=7, max_rank_ic=0.35, max_t=100,
    portfolio=PORTFOLIO,
)  # fmt: skip


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
