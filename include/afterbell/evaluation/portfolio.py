"""A long-short decile portfolio made of scores, net of costs.

Labels over h sessions overlap, so h portfolios run side by side: the k-th is formed at every h-th session from the
k-th and held until it is formed again. Their returns do not overlap, no daily prices are needed, and figures are means
over the h of them. Positions start equal-weighted and their drift within a holding period is left out of the turnover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.panel import Floats
from afterbell.evaluation.settings import PortfolioSettings

DECILES = 10


@dataclass(frozen=True)
class LongShort:
    """The portfolio's figures.

    Attributes:
        deciles: float64 (10,), mean label by decile of score, worst first.
        decile_spread: mean over sessions of the best decile's mean label less the worst's, before costs, over h
            sessions.
        turnover: mean share of a leg's names replaced when it is formed anew, 0 to 1.
        net: float64 (sessions,), return over h sessions of the portfolio formed at each, after costs, 0 where none was.
        wealth: float64 (sessions,), of one unit spread over the h portfolios, returns booked when they are formed.
        sharpe_net: annualised, of the net returns.
        max_drawdown: deepest fall of ``wealth`` from its highest so far, 0 to 1.
    """

    deciles: Floats
    decile_spread: float
    turnover: float
    net: Floats
    wealth: Floats
    sharpe_net: float
    max_drawdown: float


def long_short(scores: Floats, labels: Floats, horizon: int, settings: PortfolioSettings) -> LongShort:
    """Form, hold and charge the portfolios.

    Args:
        scores: float64 (sessions, symbols), NaN in the same cells as ``labels``.
        labels: float64 (sessions, symbols), simple returns over ``horizon`` sessions.
        horizon: h.
        settings: costs and annualising.
    """
    decile = decile_of(scores)
    means = np.stack([_mean_where(labels, decile == number) for number in range(DECILES)], axis=1)
    spread = means[:, -1] - means[:, 0]
    formed = np.isfinite(spread)
    long, short = _weights(decile == DECILES - 1), _weights(decile == 0)
    traded = _traded(long, horizon) + _traded(short, horizon)
    net = np.where(formed, np.nan_to_num(spread) - traded * settings.cost_bps * 1e-4, 0.0)
    wealth = _wealth(net, horizon)
    anew = formed.copy()
    anew[:horizon] = False  # building the first portfolio from nothing is a cost, but no turnover
    return LongShort(
        deciles=_column_means(means),
        decile_spread=float(spread[formed].mean()) if formed.any() else math.nan,
        turnover=float(traded[anew].mean()) / 4.0 if anew.any() else math.nan,
        net=net,
        wealth=wealth,
        sharpe_net=_sharpe(net, formed, horizon, settings.sessions_per_year),
        max_drawdown=_drawdown(wealth),
    )


def decile_of(scores: Floats) -> NDArray[np.int64]:
    """Each cell's decile within its row, 0 the lowest scores, -1 where there is no score; ties by column.

    Of n cells a decile holds ``floor(n / 10)`` or one more.
    """
    place = np.argsort(np.argsort(scores, axis=1, kind="stable"), axis=1, kind="stable")
    valid = np.isfinite(scores)
    count = valid.sum(axis=1, keepdims=True)
    return np.where(valid, place * DECILES // np.maximum(count, 1), -1)


def _mean_where(values: Floats, cells: NDArray[np.bool_]) -> Floats:
    count = cells.sum(axis=1)
    out = np.full(count.shape, np.nan)
    np.divide(np.where(cells, values, 0.0).sum(axis=1), count, out=out, where=count > 0)
    return out


def _column_means(values: Floats) -> Floats:
    usable = values[np.isfinite(values).all(axis=1)]
    return np.asarray(usable.mean(axis=0)) if usable.size else np.full(values.shape[1], np.nan)


def _weights(cells: NDArray[np.bool_]) -> Floats:
    return np.asarray(cells / np.maximum(cells.sum(axis=1, keepdims=True), 1), np.float64)


def _traded(weights: Floats, horizon: int) -> Floats:
    """Value bought plus value sold at each session, per unit of the leg; the first formation only buys."""
    before = np.zeros_like(weights)
    before[horizon:] = weights[:-horizon]
    return np.asarray(np.abs(weights - before).sum(axis=1))


def _wealth(net: Floats, horizon: int) -> Floats:
    parts = np.ones((horizon, net.size))
    for k in range(horizon):
        growth = np.ones(net.size)
        growth[k::horizon] += net[k::horizon]
        parts[k] = np.cumprod(np.maximum(growth, 0.0))  # a portfolio that lost everything stays at nothing
    return np.asarray(parts.mean(axis=0))


def _sharpe(net: Floats, formed: NDArray[np.bool_], horizon: int, per_year: int) -> float:
    ratios = []
    for k in range(horizon):
        own = net[k::horizon][formed[k::horizon]]
        spread = own.std(ddof=1) if own.size > 1 else 0.0
        if spread > 0:
            ratios.append(float(own.mean() / spread) * math.sqrt(per_year / horizon))
    return float(np.mean(ratios)) if ratios else math.nan


def _drawdown(wealth: Floats) -> float:
    if not wealth.size:
        return math.nan
    highest = np.maximum.accumulate(np.maximum(wealth, 1.0))
    return float((1.0 - wealth / highest).max())
