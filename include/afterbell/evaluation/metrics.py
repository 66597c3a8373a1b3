"""How well scores order the returns that followed: information coefficients with honest standard errors.

The information coefficient (IC) of a session is the cross-sectional correlation of score and label; the rank IC is
that of their ranks (Grinold and Kahn, Active Portfolio Management, 2000). Labels of neighbouring sessions overlap
when the horizon is longer than one, so standard errors of means are Newey and West's (Econometrica 55, 1987).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.booking import daily_marks
from afterbell.evaluation.overlap import newey_west_se, overlap_lag
from afterbell.evaluation.panel import BLEND, Floats, ScorePanel, blend, row_ranks
from afterbell.evaluation.portfolio import LongShort, long_short
from afterbell.evaluation.settings import PortfolioSettings

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Scored:
    """One scorer (a family, or the blend) over the sessions of a panel.

    Attributes:
        ic: float64 (sessions,), NaN where the session has too few symbols or nothing varies.
        rank_ic: likewise.
        portfolio: the long-short decile portfolio.
        rows: scored rows of the sessions that count.
    """

    ic: Floats
    rank_ic: Floats
    portfolio: LongShort
    rows: int


def row_correlations(left: Floats, right: Floats, least: int) -> Floats:
    """Pearson's correlation of each row over the columns where both are finite.

    Args:
        left: float64 (sessions, symbols).
        right: likewise.
        least: rows with fewer such columns give NaN.

    Returns:
        float64 (sessions,); NaN also where either side does not vary.
    """
    both = np.isfinite(left) & np.isfinite(right)
    count = both.sum(axis=1)
    a = _centred(left, both)
    b = _centred(right, both)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    usable = (count >= least) & (scale > 0)
    out = np.full(count.shape, np.nan)
    np.divide((a * b).sum(axis=1), scale, out=out, where=usable)
    return out


def _centred(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    filled = np.where(valid, values, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / np.maximum(valid.sum(axis=1, keepdims=True), 1)
    return np.where(valid, values - mean, 0.0)


def score_panels(panels: Mapping[int, ScorePanel], settings: PortfolioSettings) -> dict[int, dict[str, Scored]]:
    """Score the panels of a candidate, by horizon: that of horizon 1, if there is one, marks the others daily."""
    marks = {
        horizon: daily_marks(panel, panels[1]) if horizon > 1 and 1 in panels else None
        for horizon, panel in panels.items()
    }
    return {horizon: score_panel(panel, settings, marks[horizon]) for horizon, panel in panels.items()}


def score_panel(panel: ScorePanel, settings: PortfolioSettings, marks: Floats | None = None) -> dict[str, Scored]:
    """Score every family of ``panel``, and their blend, under its name; ``marks`` as ``booking.daily_marks``."""
    everyone = {**panel.scores, BLEND: blend(panel.scores)}
    return {name: score_one(panel, scores, settings, marks) for name, scores in everyone.items()}


def score_one(panel: ScorePanel, scores: Floats, settings: PortfolioSettings, marks: Floats | None = None) -> Scored:
    """Score ``scores``, float64 (sessions, symbols), against the panel's labels."""
    both = np.isfinite(scores) & np.isfinite(panel.labels)
    both &= both.sum(axis=1, keepdims=True) >= settings.min_symbols
    score, label = np.where(both, scores, np.nan), np.where(both, panel.labels, np.nan)
    return Scored(
        ic=row_correlations(score, label, settings.min_symbols),
        rank_ic=row_correlations(row_ranks(score), row_ranks(label), settings.min_symbols),
        portfolio=long_short(score, label, panel.horizon, settings, marks),
        rows=int(both.sum()),
    )


def summarise(scored: Scored, horizon: int) -> dict[str, float | int | None]:
    """The metrics of one scorer, flat; None where a figure is not defined.

    ``ic``, ``ic_se``, ``ic_t``, ``ic_ci_low`` and ``ic_ci_high`` (95 %) are of the mean Pearson IC; ``rank_ic`` and
    ``rank_ic_se`` of the mean rank IC; ``icir`` is the rank IC's mean over its standard deviation, by session, not
    annualised; the rest is the portfolio's, see ``portfolio.long_short``.
    """
    ic, rank_ic = scored.ic[np.isfinite(scored.ic)], scored.rank_ic[np.isfinite(scored.rank_ic)]
    lag = overlap_lag(ic.size, horizon)
    mean, error = _mean(ic), newey_west_se(ic, lag)
    spread = float(rank_ic.std(ddof=1)) if rank_ic.size > 1 else math.nan
    figures = {
        "ic": mean,
        "ic_se": error,
        "ic_t": mean / error if error > 0 else math.nan,
        "ic_ci_low": mean - _Z95 * error,
        "ic_ci_high": mean + _Z95 * error,
        "rank_ic": _mean(rank_ic),
        "rank_ic_se": newey_west_se(rank_ic, lag),
        "icir": _mean(rank_ic) / spread if spread > 0 else math.nan,
        "decile_spread": scored.portfolio.decile_spread,
        "turnover": scored.portfolio.turnover,
        "sharpe_net": scored.portfolio.sharpe_net,
        "max_drawdown": scored.portfolio.max_drawdown,
    }
    finite = {name: float(value) if math.isfinite(value) else None for name, value in figures.items()}
    return {**finite, "sessions": int(ic.size), "rows": scored.rows}


def horizon_metrics(scored: dict[str, Scored], horizon: int) -> dict[str, object]:
    """The blend's metrics, flat, and each family's under ``families``."""
    families = {name: summarise(family, horizon) for name, family in scored.items() if name != BLEND}
    return {**summarise(scored[BLEND], horizon), "families": families}


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else math.nan
