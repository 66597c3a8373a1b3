"""Bars as traded: prices in dollars and cents, shares traded, splits and dividends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterbell.simulation.arrays import Indices, Mask, Matrix
from afterbell.simulation.listings import Listings
from afterbell.simulation.returns import Returns, autoregressive
from afterbell.simulation.spec import MarketSpec

_QUARTER = 63  # sessions between two dividends
_SPLITS_A_YEAR = 0.06  # a symbol
_DRIVER_IN_VOLUME = 0.5
_VOLUME_NOISE = 0.1


@dataclass(frozen=True, eq=False)
class SimulatedBars:
    """Traded prices and volumes; matrices have the shape (sessions, symbols) and hold unlisted cells too.

    Attributes:
        open: dollars, rounded to cents, as traded.
        high: likewise; at least open and close.
        low: likewise; at most open and close.
        close: likewise.
        volume: int64 shares.
        split: shares after for one share before, taking effect in that session; 1 without a split.
        dividend: dollars a share, ex in that session; 0 without a dividend.
    """

    open: Matrix
    high: Matrix
    low: Matrix
    close: Matrix
    volume: Indices
    split: Matrix
    dividend: Matrix

    def factors(self) -> Matrix:
        """The factor of the close before an ex-session: 1/split, or 1 - dividend/close; 1 without either.

        CRSP's definitions, with at most one action a symbol and session.
        """
        factors = 1.0 / self.split
        factors[1:] -= self.dividend[1:] / self.close[:-1]
        return factors


def simulate_bars(spec: MarketSpec, returns: Returns, listings: Listings) -> SimulatedBars:
    """Prices and volumes that show ``returns``; the driver can be seen in volume alone."""
    path, split, dividend = _close(spec, returns, listings)
    close = np.maximum(np.round(path, 2), 0.01)
    rng = spec.rng("intraday")
    shape = close.shape
    reference = path / (1 + returns.total)  # the close before, adjusted for the session's action
    spread = 0.35 * returns.sigma
    start = reference * (1 + returns.total) ** 0.35 * np.exp(spread * rng.normal(size=shape))
    opened = np.maximum(np.round(start, 2), 0.01)
    above = np.maximum(start, path) * np.exp(spread * np.abs(rng.normal(size=shape)))
    below = np.minimum(start, path) * np.exp(-spread * np.abs(rng.normal(size=shape)))
    # Rounding may put a high under its close by a cent: the extremes are taken after it.
    high = np.maximum.reduce([np.round(above, 2), opened, close])
    low = np.minimum.reduce([np.maximum(np.round(below, 2), 0.01), opened, close])
    return SimulatedBars(opened, high, low, close, _volume(spec, returns, split), split, dividend)


def _close(spec: MarketSpec, returns: Returns, listings: Listings) -> tuple[Matrix, Matrix, Matrix]:
    rng = spec.rng("actions")
    sessions, symbols = returns.total.shape
    yearly_yield = np.where(rng.random(symbols) < 0.5, rng.uniform(0.01, 0.04, symbols), 0.0)
    offset = rng.integers(0, _QUARTER, symbols)
    splitting = _split_sessions(rng, sessions, listings)
    triple = np.asarray(rng.random(symbols) < 0.4)

    path, split, dividend = np.empty((sessions, symbols)), np.ones((sessions, symbols)), np.zeros((sessions, symbols))
    before = np.clip(50.0 * np.exp(rng.normal(0.0, 0.6, symbols)), 12.0, 400.0)
    for session in range(sessions):
        if session:  # an action takes effect against a close that was delivered
            ratio = _ratio(before, triple)
            split[session] = np.where(splitting == session, ratio, 1.0)
            paying = ((session + offset) % _QUARTER == 0) & (split[session] == 1.0) & (listings.first < session)
            dividend[session] = np.where(paying, np.round(yearly_yield / 4 * before, 2), 0.0)
        path[session] = (before / split[session] - dividend[session]) * (1 + returns.total[session])
        before = path[session]
    return path, split, dividend


def _ratio(price: Matrix, triple: Mask) -> Matrix:
    """The split's ratio: cheap shares are merged ten to one, expensive ones split in two or three."""
    return np.where(price < 25.0, 0.1, np.where(triple, 3.0, 2.0))


def _split_sessions(rng: np.random.Generator, sessions: int, listings: Listings) -> Indices:
    """The session of each symbol's one split, -1 for most; independent of prices."""
    symbols = len(listings.symbols)
    number = min(max(3, round(_SPLITS_A_YEAR * symbols * sessions / 252)), symbols // 2)
    split_sessions = np.full(symbols, -1, dtype=np.int64)
    chosen = rng.choice(symbols, number, replace=False)
    split_sessions[chosen] = rng.integers(2, sessions - 1, number)
    split_sessions[(split_sessions <= listings.first) | (split_sessions > listings.last)] = -1
    return split_sessions


def _volume(spec: MarketSpec, returns: Returns, split: Matrix) -> Indices:
    rng = spec.rng("volume")
    sessions, symbols = returns.driver.shape
    base = rng.normal(13.0, 1.0, symbols)
    slow = 0.15 * autoregressive(rng, sessions, symbols, 0.98)
    noise = _VOLUME_NOISE * rng.normal(size=(sessions, symbols))
    shares = np.exp(base + slow + _DRIVER_IN_VOLUME * returns.driver + noise) * np.cumprod(split, axis=0)
    whole: Indices = np.maximum(np.round(shares), 100).astype(np.int64)
    return whole
