"""The mean of a series whose values overlap: its standard error, and how many degrees of freedom that has.

A label over h sessions shares h - k of them with the label k sessions later. Where the returns of single sessions are
independent, a figure by session of such labels has the autocorrelation 1 - k/h (Hansen and Hodrick, Journal of
Political Economy 88, 1980). It is known, so it need not be estimated: estimators that do (Newey and West's, the block
bootstrap) find a part of it only, and over 40 sessions of labels over 20 a test at 5 % rejects in 45 % of the cases.

With R the matrix of these correlations and M = I - 11'/n, the sum of squares about the mean has the expectation
``s2 tr(MR)``, and its distribution is close to that of ``s2`` times a chi-square of ``tr(MR)**2 / tr(MRMR)`` degrees
of freedom (Satterthwaite, Biometrics 2, 1946). So quantiles of the mean are those of Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from afterbell.evaluation.panel import Floats


@dataclass(frozen=True)
class Mean:
    """The mean of a series.

    Attributes:
        value: the mean.
        error: its standard error.
        freedom: degrees of freedom of the error; at least 1.
        values: how many values it is of.
        independent: how many independent values have such an error.
    """

    value: float
    error: float
    freedom: float
    values: int
    independent: float

    def quantile(self, share: float) -> float:
        """The value that the true mean is below with probability ``share``, by Student's t."""
        from scipy.stats import t  # noqa: PLC0415 - half a second that only the gate needs

        return self.value + float(t.ppf(share, self.freedom)) * self.error

    @property
    def p_not_above_zero(self) -> float:
        """One-sided p-value of the hypothesis that the true mean is 0 or less."""
        from scipy.stats import t  # noqa: PLC0415 - as above

        if self.error <= 0:
            return 0.0 if self.value > 0 else 1.0
        return float(t.sf(self.value / self.error, self.freedom))


def overlapping_mean(values: Floats, horizon: int) -> Mean:
    """The mean of one figure a session.

    Its error is that of the overlap, or Newey and West's where that is larger: then the sessions depend on each other
    by more than their labels.

    Args:
        values: float64 (n,), finite, in order of time; n at least 1.
        horizon: h of the labels.
    """
    n = values.size
    scale, squares, freedom = _overlap(n, horizon)
    centred = values - values.mean()
    variance = float(centred @ centred) / squares if squares > 0 else math.nan
    error = math.sqrt(variance * scale) if n > 1 else math.nan
    error = max(error, newey_west_se(values, overlap_lag(n, horizon)))
    return Mean(float(values.mean()), error, freedom, n, 1.0 / scale)


def pooled_mean(parts: Sequence[Mean]) -> Mean:
    """One mean of several horizons' means.

    Each part is weighted by the square root of its number of independent values, so that parts whose single values
    vary alike add the same error. What the parts have in common is not known: the error is that of parts that move
    together, the largest that it can be. Its degrees of freedom are those of the weighted sum of errors.

    Args:
        parts: of the same kind of figure, one a horizon; at least one.
    """
    weights = np.sqrt([part.independent for part in parts])
    weights /= weights.sum()
    errors = weights * np.array([part.error for part in parts])
    error, spread = float(errors.sum()), float((errors / np.sqrt([part.freedom for part in parts])).sum())
    freedom = (error / spread) ** 2 if spread > 0 else min(part.freedom for part in parts)
    value = float(weights @ np.array([part.value for part in parts]))
    return Mean(value, error, freedom, min(part.values for part in parts), sum(part.independent for part in parts))


def newey_west_se(values: Floats, lag: int) -> float:
    """Standard error of the mean of an autocorrelated series, with Bartlett's weights (Econometrica 55, 1987).

    Args:
        values: float64 (n,), finite, in order of time.
        lag: autocovariances used; 0 gives the standard deviation (divided by n) over the square root of n.
    """
    n = values.size
    if n == 0:
        return math.nan
    x = values - values.mean()
    variance = float(x @ x) / n
    for k in range(1, min(lag, n - 1) + 1):
        variance += 2.0 * (1.0 - k / (lag + 1.0)) * float(x[k:] @ x[:-k]) / n
    return math.sqrt(max(variance, 0.0) / n)


def overlap_lag(sessions: int, horizon: int) -> int:
    """Lags for the standard error: the overlap h-1, or Newey and West's (1994) rule 4 (n/100)^(2/9) if longer."""
    return max(horizon - 1, int(4.0 * (sessions / 100.0) ** (2.0 / 9.0)))


@lru_cache(maxsize=256)
def _overlap(n: int, horizon: int) -> tuple[float, float, float]:
    """Variance of the mean, sum of squares about it (both for variance 1), and the latter's degrees of freedom."""
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    correlation = np.maximum(1.0 - apart / horizon, 0.0)
    scale = float(correlation.sum()) / n**2
    about = correlation - correlation.mean(axis=0)  # MR
    squares = float(np.trace(about))
    return scale, squares, max(1.0, squares**2 / float((about * about.T).sum())) if n > 1 else 1.0
