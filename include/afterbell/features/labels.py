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

from afterbell.features.grid import FIELDS, Floats, Panel

DELISTED_AFTER = 5


def forward_returns(panel: Panel, horizons: Sequence[int]) -> dict[int, Floats]:
    """Forward returns by horizon in sessions.

    Args:
        panel: the grid up to the last session that the run knows; its newest layers are used.
        horizons: sessions, each at least 1.

    Returns:
        For each horizon float64 of shape ``(n_symbols, T)``, NaN where there is no label.
    """
    close = panel.bars.arrays[-1, FIELDS.index("close")].T
    factor = panel.actions.arrays[-1].prod(axis=0).T
    final = _carry_delisted(close, factor)
    found = {}
    for horizon in horizons:
        label = np.full(close.shape, np.nan)
        ends = close.shape[1] - 1 - horizon
        if ends > 0:
            entry = close[:, 1 : 1 + ends].copy()
            for step in range(1, horizon + 1):
                entry *= factor[:, 1 + step : 1 + step + ends]
            label[:, :ends] = final[:, 1 + horizon : 1 + horizon + ends] / entry - 1.0
        found[horizon] = label
    return found


def _carry_delisted(close: Floats, factor: Floats) -> Floats:
    """``close`` with the last price of delisted symbols carried to the end, in each session's own units."""
    width = close.shape[1]
    known = np.isfinite(close)
    last = np.where(known.any(axis=1), width - 1 - np.argmax(known[:, ::-1], axis=1), width)
    carried = close.copy()
    for symbol in np.flatnonzero(last + DELISTED_AFTER < width):
        after = slice(last[symbol] + 1, width)
        carried[symbol, after] = close[symbol, last[symbol]] * np.cumprod(factor[symbol, after])
    return carried
