"""Labels: forward returns from the next tradable bar; pure numpy.

``label_h(t) = close(t+1+h) / close(t+1) - 1``, with ``close(t+1)`` adjusted for every action whose ex-session
lies in ``(t+1, t+1+h]``: what a holder from ``t+1`` to ``t+1+h`` earned, dividends and splits included.

* No bar on ``t+1``: nothing could be bought, the label is NaN.
* ``t+1+h`` is not there yet: NaN.
* A gap on ``t+1+h`` with bars after it: NaN, nothing is filled forward.
* Delisted, that is without a bar for the last ``DELISTED_AFTER`` sessions known: the last known close stands for
  every session after it. What a holder gets after a delisting is not in the data; leaving the row out instead
  would make the past look better than it was.

A label is for training only and looks ahead by its nature: it takes the newest revisions known at the run's own
cut-off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afterbell.features.grid import Floats, Ints

DELISTED_AFTER = 5


def last_bars(last: Ints, sessions: int) -> Ints:
    """Where symbols end: the session of the last bar of those that are delisted, ``sessions`` for the others.

    Args:
        last: the ordinal of each symbol's last bar.
        sessions: how many the run knows, counted from the same one.
    """
    return np.where(last + DELISTED_AFTER < sessions, last, sessions)


def forward_returns(close: Floats, factor: Floats, ends: Ints, horizons: Sequence[int]) -> dict[int, Floats]:
    """Forward returns by horizon in sessions, over a stretch of consecutive sessions.

    A label needs the sessions up to ``t+1+h``, and so the stretch to reach ``max(horizons) + 1`` sessions beyond those
    whose labels are needed; it is the same whatever else the stretch holds.

    Args:
        close: float64 ``(T, n_symbols)``, as traded, NaN where there is no bar.
        factor: float64 ``(T, n_symbols)``: on its ex-session the product of an action's factors, 1 elsewhere.
        ends: from ``last_bars``, counted from the stretch's first session.
        horizons: sessions, each at least 1.

    Returns:
        For each horizon float64 of shape ``(T, n_symbols)``, NaN where there is no label.
    """
    final = _carry_delisted(close, factor, ends)
    labels = {}
    for horizon in horizons:
        label = np.full(close.shape, np.nan)
        rows = len(close) - 1 - horizon
        if rows > 0:
            entry = close[1 : 1 + rows].copy()
            for step in range(1, horizon + 1):
                entry *= factor[1 + step : 1 + step + rows]
            label[:rows] = final[1 + horizon : 1 + horizon + rows] / entry - 1.0
        labels[horizon] = label
    return labels


def _carry_delisted(close: Floats, factor: Floats, ends: Ints) -> Floats:
    """``close`` with the last price of delisted symbols carried to the end, in each session's own units."""
    carried = close.copy()
    for symbol in np.flatnonzero((ends >= 0) & (ends < len(close))):
        end = int(ends[symbol])
        carried[end + 1 :, symbol] = close[end, symbol] * np.cumprod(factor[end + 1 :, symbol])
    return carried
