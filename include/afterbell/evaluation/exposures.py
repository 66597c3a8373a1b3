"""What scores hold besides skill: how they go along with market beta, size and liquidity, and what is left without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from afterbell.evaluation.metrics import mean_of, row_correlations
from afterbell.evaluation.overlap import Mean
from afterbell.evaluation.panel import Floats, ScorePanel, row_ranks

BETA_WINDOW, BETA_LEAST = 120, 40
"""Sessions of returns that a beta is estimated over, and the fewest that it may rest on."""


@dataclass(frozen=True)
class Exposures:
    """Exposures of one horizon's scores.

    Attributes:
        correlations: by characteristic, the mean over sessions of the rank correlation of score and characteristic.
        rank_ic: of the scores on the cells where every characteristic is known.
        neutral_rank_ic: on the same cells, of what is left of the scores once the characteristics are regressed out,
            by session, both as normal scores of their ranks.
    """

    correlations: Mapping[str, Mean]
    rank_ic: Mean
    neutral_rank_ic: Mean


def exposures_of(
    scores: Floats, labels: Floats, characteristics: Mapping[str, Floats], horizon: int, least: int
) -> Exposures | None:
    """Exposures of ``scores``; None where no characteristic is known.

    Args:
        scores: float64 (sessions, symbols), NaN where there is none.
        labels: float64 likewise.
        characteristics: by name, float64 likewise; one that is known in no session is left out.
        horizon: of the labels; neighbouring sessions' correlations with the scores are as dependent.
        least: sessions with fewer symbols are left out.
    """
    by_session = {
        name: row_correlations(*_ranks_of_both(scores, values), least) for name, values in characteristics.items()
    }
    known = [name for name, values in by_session.items() if np.isfinite(values).any()]
    if not known:
        return None
    together = [scores, labels, *(characteristics[name] for name in known)]
    everything = np.all(np.isfinite(together), axis=0)
    everything &= everything.sum(axis=1, keepdims=True) >= least
    ranks, label_ranks, *others = (row_ranks(np.where(everything, values, np.nan)) for values in together)
    left = neutralise(normal_scores(ranks), np.stack([normal_scores(values) for values in others]))
    return Exposures(
        {name: mean_of(by_session[name], horizon) for name in known},
        mean_of(row_correlations(ranks, label_ranks, least), horizon),
        mean_of(row_correlations(row_ranks(left), label_ranks, least), horizon),
    )


def normal_scores(ranks: Floats) -> Floats:
    """Ranks within rows as the normal quantiles of (rank - 1/2) / n: what outliers do not move, and lines fit.

    Blom's family of scores (Statistical Estimates and Transformed Beta-Variables, 1958). Of ranks themselves a line
    leaves the curve between bounded ranks, which is exposure as well.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - only reports need it

    count = np.isfinite(ranks).sum(axis=1, keepdims=True)
    return np.asarray(ndtri((ranks - 0.5) / np.maximum(count, 1)))


def neutralise(values: Floats, others: Floats) -> Floats:
    """The residuals of a least-squares regression of ``values`` on ``others`` and a constant, row by row.

    Args:
        values: float64 (sessions, symbols), NaN where there is none.
        others: float64 (characteristics, sessions, symbols), finite where ``values`` is.

    Returns:
        float64 like ``values``; residuals that are nothing but rounding are 0.
    """
    left = np.full(values.shape, np.nan)
    for row, (target, cells) in enumerate(zip(values, np.isfinite(values), strict=True)):
        if cells.any():
            design = np.column_stack([np.ones(cells.sum()), others[:, row, cells].T])
            solution, *_ = np.linalg.lstsq(design, target[cells], rcond=None)
            residual = target[cells] - design @ solution
            residual[np.abs(residual) < 1e-9 * np.abs(target[cells]).max()] = 0.0
            left[row, cells] = residual
    return left


def market_beta(daily: ScorePanel, panel: ScorePanel) -> Floats:
    """Betas to the mean return of all symbols, from the returns that were known at each session.

    The label over one session of row s is known at the close of s + 2, so the beta of session t rests on the rows up
    to t - 2: the last ``BETA_WINDOW`` of them, of which the symbol has ``BETA_LEAST`` or more.

    Args:
        daily: the panel of horizon 1; its sessions follow each other.
        panel: whose cells need a beta.

    Returns:
        float64 (sessions, symbols) of ``panel``, NaN where it is not known.
    """
    returns = daily.labels
    valid = np.isfinite(returns)
    own = np.where(valid, returns, 0.0)
    market = own.sum(axis=1, keepdims=True) / np.maximum(valid.sum(axis=1, keepdims=True), 1)
    seen = np.where(valid, market, 0.0)
    count, mean_own, mean_market, both, square = (
        _trailing(term) for term in (valid * 1.0, own, seen, own * seen, seen**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = both - mean_own * mean_market / count
        variance = square - mean_market**2 / count
        beta = np.where((count >= BETA_LEAST) & (variance > 0), covariance / variance, np.nan)
    return _placed(daily, panel, beta)


def _trailing(values: Floats) -> Floats:
    """Sums over the ``BETA_WINDOW`` rows up to two before each."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    end = np.maximum(np.arange(values.shape[0]) - 1, 0)
    return np.asarray(total[end] - total[np.maximum(end - BETA_WINDOW, 0)])


def _placed(daily: ScorePanel, panel: ScorePanel, values: Floats) -> Floats:
    """Values of the cells of ``daily`` in those of ``panel``."""
    row_of = {day: number for number, day in enumerate(daily.sessions)}
    column_of = {symbol: number for number, symbol in enumerate(daily.symbols)}
    rows = np.array([row_of.get(day, -1) for day in panel.sessions])
    columns = np.array([column_of.get(symbol, -1) for symbol in panel.symbols])
    out = np.asarray(values[np.ix_(rows, columns)])
    out[rows < 0] = np.nan
    out[:, columns < 0] = np.nan
    return out


def _ranks_of_both(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    both = np.isfinite(left) & np.isfinite(right)
    return row_ranks(np.where(both, left, np.nan)), row_ranks(np.where(both, right, np.nan))
