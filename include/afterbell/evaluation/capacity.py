"""How much money a portfolio has room for, at a share of what its symbols trade."""

from __future__ import annotations

import math

import numpy as np

from afterbell.evaluation.panel import Floats
from afterbell.evaluation.portfolio import trades

WITHIN = 0.9
"""The part of the traded value that must stay within the share of volume; the rest is traded over further sessions."""


def capacity(positions: Floats, horizon: int, dollars: Floats, share: float) -> float:
    """The money of one leg up to which trading stays within ``share`` of the symbols' daily dollar volume.

    With money C a leg, each of the h portfolios that run side by side has C / h, and trades ``|change| C / h`` of a
    symbol in one session. By session this is the largest C at which ``WITHIN`` of the value traded is of symbols whose
    trade is no more than ``share`` of their volume.

    Args:
        positions: float64 (sessions, symbols), see ``portfolio.positions_of``.
        horizon: h.
        dollars: float64 like ``positions``, daily dollar volume as known at each session, NaN where it is not.
        share: of the volume, 0 to 1.

    Returns:
        The median over the sessions with a trade, in the dollars' currency; NaN where no trade has a known volume.
    """
    changes = np.abs(trades(positions, horizon))
    room = np.full(changes.shape, np.nan)
    np.divide(horizon * share * dollars, changes, out=room, where=changes > 0)
    by_session = [_quantile(row[known], change[known]) for row, change in zip(room, changes, strict=True)
                  if (known := np.isfinite(row)).any()]  # fmt: skip
    return float(np.median(by_session)) if by_session else math.nan


def _quantile(room: Floats, weight: Floats) -> float:
    """The largest money for which symbols with ``WITHIN`` of the weight have room."""
    order = np.argsort(-room, kind="stable")
    served = np.cumsum(weight[order])
    return float(room[order][np.searchsorted(served, WITHIN * served[-1] * (1.0 - 1e-12))])
