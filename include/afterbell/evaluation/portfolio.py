"""A long-short decile portfolio made of scores: its legs apart, before and after costs.

Labels over h sessions overlap, so h portfolios run side by side: the k-th is formed at every h-th session from the
k-th and held until it is formed again. Their returns do not overlap, and figures are means over the h of them.
Positions start equal-weighted and their drift within a holding period is left out of the turnover. Cells with equal
scores have equal weights (``deciles``); where all scores are equal both legs are the same, and there is no portfolio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.booking import drawdown, paths, wealth_of
from afterbell.evaluation.deciles import DECILES, Deciles, decile_means
from afterbell.evaluation.panel import Floats
from afterbell.evaluation.settings import PortfolioSettings


@dataclass(frozen=True)
class LongShort:
    """The portfolio's figures; returns are over h sessions, as shares of one leg.

    Attributes:
        deciles: float64 (10,), mean label by decile of score, worst first.
        decile_spread: mean over sessions of the best decile's mean label less the worst's, before costs.
        long_leg: the part of it that the long side earns: the best decile's mean label less that of all symbols.
        short_leg: the part that the short side earns: the mean label of all symbols less the worst decile's.
        costs: mean over the sessions at which a portfolio is formed of what trading into it costs.
        turnover: mean share of a leg's names replaced when it is formed anew, 0 to 1.
        gross: float64 (sessions,), return of the portfolio formed at each session, before costs, 0 where none was.
        net: float64 (sessions,), the same after costs; the costs alone where a portfolio ended and none was formed.
        wealth: float64 (sessions + h + 1,), of one unit spread over the h portfolios, net of costs, at the close of
            each session and of the h + 1 after them: booked when it is earned, see ``booking``.
        sharpe_gross: annualised, of the gross returns.
        sharpe_net: annualised, of the net returns.
        max_drawdown: deepest fall of ``wealth`` from its highest so far, 0 to 1.
    """

    deciles: Floats
    decile_spread: float
    long_leg: float
    short_leg: float
    costs: float
    turnover: float
    gross: Floats
    net: Floats
    wealth: Floats
    sharpe_gross: float
    sharpe_net: float
    max_drawdown: float


def long_short(
    scores: Floats, labels: Floats, horizon: int, settings: PortfolioSettings, marks: Floats | None = None
) -> LongShort:
    """Form, hold and charge the portfolios.

    Args:
        scores: float64 (sessions, symbols), NaN in the same cells as ``labels``.
        labels: float64 (sessions, symbols), simple returns over ``horizon`` sessions.
        horizon: h.
        settings: costs and annualising.
        marks: returns of single sessions, see ``booking.daily_marks``.
    """
    deciles = Deciles(scores)
    positions = positions_of(deciles)
    means = decile_means(deciles, labels)
    everyone = _row_means(labels)
    ranked: NDArray[np.bool_] = np.asarray(np.isfinite(means[:, [0, -1]]).all(axis=1))
    formed: NDArray[np.bool_] = np.asarray(positions.any(axis=1))
    path = paths(positions, labels, horizon, marks)
    traded = np.abs(trades(positions, horizon)).sum(axis=1)
    costs = traded * settings.cost_bps * 1e-4
    gross = path[-1]
    net = gross - costs
    wealth = wealth_of(path, costs)
    anew = formed.copy()
    anew[:horizon] = False  # building the first portfolio from nothing is a cost, but no turnover
    return LongShort(
        deciles=_column_means(means),
        decile_spread=_mean((means[:, -1] - means[:, 0])[ranked]),
        long_leg=_mean((means[:, -1] - everyone)[ranked]),
        short_leg=_mean((everyone - means[:, 0])[ranked]),
        costs=_mean(costs[formed]),
        turnover=_mean(traded[anew]) / 4.0,
        gross=gross,
        net=net,
        wealth=wealth,
        sharpe_gross=_sharpe(gross, formed, horizon, settings.sessions_per_year),
        sharpe_net=_sharpe(net, formed, horizon, settings.sessions_per_year),
        max_drawdown=drawdown(wealth),
    )


def positions_of(deciles: Deciles) -> Floats:
    """The best decile long and the worst short, 1 in all each, float64 (sessions, symbols); 0 without both."""
    long, short = deciles.weights(DECILES - 1), deciles.weights(0)
    both = long.any(axis=1, keepdims=True) & short.any(axis=1, keepdims=True)
    return np.asarray(np.where(both, long - short, 0.0))


def trades(positions: Floats, horizon: int) -> Floats:
    """What is bought (above 0) and sold at each session, per unit of a leg; the first formation builds from nothing."""
    before = np.zeros_like(positions)
    before[horizon:] = positions[:-horizon]
    return positions - before


def _row_means(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    out = np.full(count.shape, np.nan)
    np.divide(np.where(known, values, 0.0).sum(axis=1), count, out=out, where=count > 0)
    return out


def _column_means(values: Floats) -> Floats:
    usable = values[np.isfinite(values).all(axis=1)]
    return np.asarray(usable.mean(axis=0)) if usable.size else np.full(values.shape[1], np.nan)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else math.nan


def _sharpe(returns: Floats, formed: NDArray[np.bool_], horizon: int, per_year: int) -> float:
    ratios = []
    for k in range(horizon):
        own = returns[k::horizon][formed[k::horizon]]
        spread = own.std(ddof=1) if own.size > 1 else 0.0
        if spread > 0:
            ratios.append(float(own.mean() / spread) * math.sqrt(per_year / horizon))
    return float(np.mean(ratios)) if ratios else math.nan
