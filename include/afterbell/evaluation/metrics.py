"""How well scores order the returns that followed: information coefficients with honest standard errors.

The information coefficient (IC) of a session is the cross-sectional correlation of score and label; the rank IC is
that of their ranks (Grinold and Kahn, Active Portfolio Management, 2000). Labels of neighbouring sessions overlap
when the horizon is longer than one: errors of means are those of overlapping values, with Student's quantiles
(``overlap``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.booking import daily_marks
from afterbell.evaluation.overlap import Mean, overlapping_mean
from afterbell.evaluation.panel import BLEND, Floats, ScorePanel, row_ranks
from afterbell.evaluation.portfolio import LongShort, long_short
from afterbell.evaluation.settings import PortfolioSettings


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
    everyone = {**panel.scores, BLEND: panel.blend()}
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
    ``rank_ic_se`` of the mean rank IC; errors hold for overlapping labels, the interval is Student's. ``icir`` is the
    rank IC's mean over its standard deviation, by session, not annualised; the rest is the portfolio's, see
    ``portfolio.LongShort``.
    """
    ic, rank_ic = mean_of(scored.ic, horizon), mean_of(scored.rank_ic, horizon)
    spread = float(np.nanstd(scored.rank_ic, ddof=1)) if rank_ic.values > 1 else math.nan
    portfolio = scored.portfolio
    figures = {
        "ic": ic.value,
        "ic_se": ic.error,
        "ic_t": ic.value / ic.error if ic.error > 0 else math.nan,
        "ic_ci_low": ic.quantile(0.025),
        "ic_ci_high": ic.quantile(0.975),
        "rank_ic": rank_ic.value,
        "rank_ic_se": rank_ic.error,
        "icir": rank_ic.value / spread if spread > 0 else math.nan,
        "decile_spread": portfolio.decile_spread,
        "long_leg": portfolio.long_leg,
        "short_leg": portfolio.short_leg,
        "costs": portfolio.costs,
        "turnover": portfolio.turnover,
        "sharpe_gross": portfolio.sharpe_gross,
        "sharpe_net": portfolio.sharpe_net,
        "max_drawdown": portfolio.max_drawdown,
    }
    finite = {name: finite_or_none(float(value)) for name, value in figures.items()}
    return {**finite, "sessions": ic.values, "rows": scored.rows}


def mean_of(by_session: Floats, horizon: int) -> Mean:
    """The mean of the finite values of a figure by session, with its error; NaN throughout where there are none."""
    values = by_session[np.isfinite(by_session)]
    return overlapping_mean(values, horizon) if values.size else Mean(math.nan, math.nan, 1.0, 0, 0.0)


def horizon_metrics(
    scored: dict[str, Scored], horizon: int, weights: Mapping[str, float] | None = None
) -> dict[str, object]:
    """The blend's metrics, flat, each family's under ``families``, and ``weights``, if any, under ``blend``."""
    families = {name: summarise(family, horizon) for name, family in scored.items() if name != BLEND}
    learned = {"blend": dict(weights)} if weights else {}
    return {**summarise(scored[BLEND], horizon), "families": families, **learned}


def finite_or_none(value: float) -> float | None:
    """``value``, or None where it is not defined: JSON has no NaN."""
    return value if math.isfinite(value) else None
