"""Bounds for plausible prices: the median close of a source's symbols. Pure."""

from __future__ import annotations

from math import isfinite

from pydantic import Field, field_validator

from afterbell.config.loader import Strict

_NEW_YORK = frozenset({"XNYS", "XNAS", "XASE", "ARCX", "BATS", "IEXG", "XBOS", "XCBO"})
_DOLLARS = (0.1, 1000.0)
"""The median close of US stocks has been between 5 and 40 dollars for decades, that of the largest ones below 400.
Prices in cents, or with a scale that is wrong by a hundred, lie outside."""
_ANYWHERE = (0.001, 1_000_000.0)
"""Prices in yen or won are hundreds and thousands. A source that declares closer bounds refuses more."""
CHANGE = 5.0
"""A market's median price never moves so far from one session to the next; a scale is wrong by ten at least."""


class Plausible(Strict):
    """Bounds that a source declares for its prices.

    Attributes:
        median_close: the least and the largest median close of its symbols, in the exchange's currency; None for what
            is usual on the exchange.
        change: how many times those known before, or one over it, the prices of a session may be in the median.
    """

    median_close: tuple[float, float] | None = None
    change: float = Field(default=CHANGE, gt=1, le=1e12)

    @field_validator("median_close")
    @classmethod
    def _is_a_range(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is None:
            return None
        low, high = value
        if not (isfinite(low) and isfinite(high) and 0 < low < high):
            raise ValueError("must be two positive numbers, the smaller one first, such as [0.1, 1000]")
        return value


def default_bounds(exchange: str) -> tuple[float, float]:
    """The bounds for a source of this exchange that declares none."""
    return _DOLLARS if exchange in _NEW_YORK else _ANYWHERE
