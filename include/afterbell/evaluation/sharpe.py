"""The uncertainty of a Sharpe ratio.

The deflated Sharpe ratio states how much of one is left once it is known how many were tried: Bailey and López de
Prado, The Deflated Sharpe Ratio (Journal of Portfolio Management 40(5), 2014). All Sharpe ratios here are per period,
not annualised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from afterbell.evaluation.panel import Floats

_EULER = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Sharpe:
    """The moments of a strategy's returns that its Sharpe ratio's uncertainty depends on.

    Attributes:
        ratio: mean over standard deviation, of a period.
        periods: returns that do not overlap.
        skewness: of the returns.
        kurtosis: of the returns, 3 for the normal distribution.
    """

    ratio: float
    periods: int
    skewness: float
    kurtosis: float


def sharpe_of(net: Floats, horizon: int) -> Sharpe | None:
    """The moments of portfolios formed at each session and held for ``horizon``; None where nothing varies.

    Returns of every horizon-th session do not overlap: the figures are means over the ``horizon`` such series.

    Args:
        net: float64 (sessions,), return over ``horizon`` sessions, NaN where no portfolio was formed.
        horizon: in sessions.
    """
    moments = []
    for start in range(horizon):
        own = net[start::horizon]
        own = own[np.isfinite(own)]
        spread = float(own.std(ddof=1)) if own.size > 2 else 0.0
        if spread > 0:
            z = (own - own.mean()) / own.std()
            moments.append((float(own.mean()) / spread, own.size, float((z**3).mean()), float((z**4).mean())))
    if not moments:
        return None
    ratio, periods, skewness, kurtosis = np.mean(moments, axis=0).tolist()
    return Sharpe(ratio, int(periods), skewness, kurtosis)


def expected_maximum(variance: float, trials: int) -> float:
    """The Sharpe ratio that the best of ``trials`` without any skill is expected to show; 0 for one trial.

    Args:
        variance: of the trials' Sharpe ratios.
        trials: how many independent ones.
    """
    if trials < 2:
        return 0.0
    best = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(max(variance, 0.0)) * ((1.0 - _EULER) * best + _EULER * second)


def deflated_sharpe(sharpe: Sharpe, variance: float, trials: int) -> float:
    """The probability that the true Sharpe ratio is above that of the best of ``trials`` without skill, or NaN.

    For one trial this is the probabilistic Sharpe ratio against zero.
    """
    hurdle = expected_maximum(variance, trials)
    spread = 1.0 - sharpe.skewness * sharpe.ratio + (sharpe.kurtosis - 1.0) / 4.0 * sharpe.ratio**2
    if spread <= 0 or sharpe.periods < 2:
        return math.nan
    return _NORMAL.cdf((sharpe.ratio - hurdle) * math.sqrt(sharpe.periods - 1.0) / math.sqrt(spread))
