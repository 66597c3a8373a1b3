"""What one more session costs, after a long history and after a short one."""

from __future__ import annotations

import numpy as np

from afterbell.features.compute import compute
from afterbell.features.factors import CORE
from afterbell.features.grid import FIELDS, Layers, Panel, SessionGrid
from bench.measure import Ratio, side_by_side

_SYMBOLS = 2000
_SHORT, _LONG = 62, 1260
_DAY_MICROS = 86_400_000_000


def _panel(sessions: int) -> Panel:
    random = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(0.01 * random.standard_normal((_SYMBOLS, sessions)), axis=1))
    volume = np.exp(12.0 + random.standard_normal((_SYMBOLS, sessions)))
    values = {"open": close * 0.999, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": volume}
    days = np.arange(sessions, dtype=np.int64)
    ones = Layers((0,), (np.ones((1, _SYMBOLS, sessions)),))
    bars = Layers((0,), (np.stack([values[name] for name in FIELDS]),))
    return Panel(SessionGrid(days, days * _DAY_MICROS), bars, ones, ones)


def one_more_session() -> Ratio:
    """The factors of the newest session, computed after five years of history and after its look-back alone."""
    short, long = _panel(_SHORT), _panel(_LONG)

    def newest(panel: Panel) -> int:
        last = np.array([len(panel.grid.days) - 1])
        return sum(len(rows.symbol) for rows in compute(panel, CORE, last))

    note = f"{len(CORE.factors)} factors of {_SYMBOLS:,} symbols: after {_LONG:,} sessions / after {_SHORT}"
    return side_by_side("one more session", lambda: newest(long), lambda: newest(short), note=note)
