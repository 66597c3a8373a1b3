"""The symbols of the market, with their listings and delistings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterbell.simulation.arrays import Indices, Mask
from afterbell.simulation.spec import MarketSpec

_SHARE = 0.03  # of the symbols are listed late, as many again are delisted
_SYLLABLES = ("al", "bar", "cor", "den", "el", "far", "gran", "hal", "ir", "jun", "kor", "lam", "mer", "nor", "or")
_ENDINGS = ("Corp", "Inc", "Holdings Inc", "Group", "Industries Inc", "Technologies Inc", "Partners LP", "Trust")
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
# Words that readers of CSV take for something else than text.
_RESERVED = {"NULL", "NONE", "TRUE", "NAN", "INF"}


@dataclass(frozen=True, eq=False)
class Listings:
    """The symbols, in the vendor's own order.

    Attributes:
        symbols: tickers of three or four letters.
        names: the companies' names.
        first: int64, shape (symbols,): index of each symbol's first session.
        last: int64, shape (symbols,): index of its last session.
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    first: Indices
    last: Indices

    def active(self, session: int) -> Mask:
        """Which symbols trade in the session of that index."""
        return (self.first <= session) & (session <= self.last)


def simulate_listings(spec: MarketSpec) -> Listings:
    """Draw tickers, names, listings and delistings; none of it depends on returns."""
    rng = spec.rng("listings")
    number = max(1, round(_SHARE * spec.symbols))
    chosen = rng.choice(spec.symbols, 2 * number, replace=False)
    early, late = spec.sessions // 10, spec.sessions - spec.sessions // 10
    first = np.zeros(spec.symbols, dtype=np.int64)
    last = np.full(spec.symbols, spec.sessions - 1, dtype=np.int64)
    first[chosen[:number]] = rng.integers(early, late, number)
    last[chosen[number:]] = rng.integers(early, late, number)
    return Listings(_tickers(rng, spec.symbols), _names(rng, spec.symbols), first, last)


def _tickers(rng: np.random.Generator, number: int) -> tuple[str, ...]:
    tickers: dict[str, None] = {}
    while len(tickers) < number:
        length = 3 if rng.random() < 0.3 else 4
        ticker = "".join(rng.choice(_LETTERS, length))
        if ticker not in _RESERVED:
            tickers[ticker] = None
    return tuple(tickers)


def _names(rng: np.random.Generator, number: int) -> tuple[str, ...]:
    parts = rng.integers(0, len(_SYLLABLES), (number, 3))
    ends = rng.integers(0, len(_ENDINGS), number)
    return tuple(
        "".join(_SYLLABLES[part] for part in row).capitalize() + " " + _ENDINGS[end]
        for row, end in zip(parts, ends, strict=True)
    )
