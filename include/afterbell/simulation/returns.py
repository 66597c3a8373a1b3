"""Total returns from a factor model, with the planted driver inside.

``r[t,i] = drift + beta_i m_t + s_{sector(i),t} + sigma[t,i] (signal u[t-2,i] + sqrt(1 - signal^2) eps[t,i])``

The label of session t over one session is ``close(t+2)/close(t+1) - 1``, the return of session t+2: hence the two
sessions between the driver and the return that it leads. All terms have a mean of zero given the past but for the
driver's, so that nothing else visible (size, volatility, beta, past returns) predicts anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterbell.simulation.arrays import Indices, Matrix
from afterbell.simulation.spec import MarketSpec

LEAD = 2
"""Sessions from a driver's value to the return that it leads."""

_PHI = 0.5  # autocorrelation of the driver
_DRIFT = 0.0003  # a session, the same for all: a drift by beta would be a premium that can be seen
_SECTORS = 8
_ARCH, _GARCH = 0.05, 0.91
_TAIL = 6  # degrees of freedom of the shocks


@dataclass(frozen=True, eq=False)
class Returns:
    """Returns and what made them; matrices are float64 of shape (sessions, symbols).

    Attributes:
        total: simple total returns, dividends included; the first row leads into the first session.
        sigma: standard deviation of the idiosyncratic part, known a session ahead.
        driver: u, a unit-variance AR(1), independent across symbols.
        sector: int64, shape (symbols,).
    """

    total: Matrix
    sigma: Matrix
    driver: Matrix
    sector: Indices


def simulate_returns(spec: MarketSpec) -> Returns:
    """Draw the returns of all symbols over all sessions, whether they are listed or not."""
    sessions, symbols = spec.sessions, spec.symbols
    exposures = spec.rng("exposures")
    sector = exposures.integers(0, _SECTORS, symbols)
    beta = exposures.normal(1.0, 0.15, symbols)
    level = 0.016 * np.exp(exposures.normal(0.0, 0.2, symbols))

    driver = autoregressive(spec.rng("driver"), sessions + LEAD, symbols, _PHI)
    noise = _shocks(spec.rng("idiosyncratic"), sessions, symbols)
    innovation = spec.signal * driver[:sessions] + np.sqrt(1 - spec.signal**2) * noise
    relative = _volatility(innovation)

    common = _shocks(spec.rng("market"), sessions, 1 + _SECTORS)
    common *= _volatility(common) * np.array([0.008] + [0.003] * _SECTORS)
    sigma = level * relative
    total = _DRIFT + beta * common[:, :1] + common[:, 1 + sector] + sigma * innovation
    return Returns(np.clip(total, -0.5, 0.5), sigma, driver[LEAD:], sector)


def autoregressive(rng: np.random.Generator, steps: int, width: int, phi: float) -> Matrix:
    """Stationary AR(1) paths of unit variance, shape (steps, width)."""
    path = rng.normal(size=(steps, width))
    scale = np.sqrt(1 - phi**2)
    for step in range(1, steps):
        path[step] = phi * path[step - 1] + scale * path[step]
    return path


def _shocks(rng: np.random.Generator, steps: int, width: int) -> Matrix:
    # Student's t scaled to unit variance, cut where a single shock would be a crash of its own.
    drawn: Matrix = rng.standard_t(_TAIL, size=(steps, width)) * np.sqrt((_TAIL - 2) / _TAIL)
    return np.clip(drawn, -6.0, 6.0)


def _volatility(innovation: Matrix) -> Matrix:
    """Relative standard deviations by GARCH(1,1) with unit mean variance (Bollerslev, 1986)."""
    variance = np.ones_like(innovation)
    for step in range(1, len(innovation)):
        before = variance[step - 1]
        variance[step] = (1 - _ARCH - _GARCH) + (_ARCH * innovation[step - 1] ** 2 + _GARCH) * before
    return np.sqrt(np.minimum(variance, 9.0))
