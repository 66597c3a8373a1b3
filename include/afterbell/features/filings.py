"""Filings as rows of arrays, and what a set declares that takes series from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from afterbell.features.grid import Actions, Floats, Ints, SessionGrid

FIGURES = (
    "revenues",
    "op_income",
    "net_income",
    "eps_basic",
    "eps_diluted",
    "dividend",
    "assets",
    "cur_assets",
    "cur_liab",
    "cash",
    "equity",
    "cash_flow_op",
)
"""Columns of ``market.fundamentals``: money in the filing's currency, ``eps_*`` and ``dividend`` per share."""


@dataclass(frozen=True)
class Filings:
    """Filed figures, one filing a position, in any order.

    Attributes:
        symbol: codes as in ``Bars``.
        period_end: days since 1970-01-01.
        knowledge: microseconds since 1970-01-01 UTC.
        annual: whether it is of a year (10-K), not of a quarter (10-Q).
        amended: breaks ties of equal knowledge time, an amendment wins.
        values: float64 of shape ``(len(FIGURES), n)``, NaN where a figure is not given.
    """

    symbol: Ints
    period_end: Ints
    knowledge: Ints
    annual: npt.NDArray[np.bool_]
    amended: npt.NDArray[np.bool_]
    values: Floats


class Further(Protocol):
    """Further series of a block of symbols, filled for one session after the other."""

    @property
    def named(self) -> dict[str, Floats]:
        """The series by their names, float64 of shape ``(ages, lanes)``; ``look`` writes into them."""

    def look(self, column: int) -> None:
        """Fill the series as seen from the session of ``column``."""


@dataclass(frozen=True)
class SeriesSource:
    """Where series come from that bars don't give.

    Attributes:
        history: days before a session of which filings, by period end, and actions are looked at.
        open: gives for the filings, the actions, the grid and the number of symbols what opens a block: it takes the
            code of the first symbol and the number of symbols.
    """

    history: int
    open: Callable[[Filings, Actions, SessionGrid, int], Callable[[int, int], Further]]
