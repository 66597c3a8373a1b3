"""The market as one table of adjusted bars, which is what Qlib takes, and our factors of just these bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from afterbell.features.compute import compute
from afterbell.features.grid import FIELDS, Actions, Bars, SessionGrid, from_day
from afterbell.features.panel import panel
from afterbell.features.sets.alpha158 import ALPHA158
from afterbell.features.tables import bars_of, symbols_of

_DAY = 86_400_000_000


def adjusted(bars: Bars, actions: Actions, grid: SessionGrid, symbols: tuple[str, ...]) -> pa.Table:
    """The newest revisions, in the units of the last session: ``symbol``, ``session`` and the fields, as float64.

    Rounded to the 24 bits that Qlib's own store holds: else prices equal for one of both aren't for the other.
    """
    whole = panel(bars, actions, grid, len(symbols))
    values, factors = whole.bars.arrays[-1], whole.actions.arrays[-1]
    after = np.ones_like(factors)
    after[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
    session, symbol = np.nonzero(np.isfinite(values[FIELDS.index("close")]))
    columns: dict[str, Any] = {"symbol": pa.array(symbols).take(pa.array(symbol))}
    columns["session"] = pa.array([from_day(int(day)) for day in grid.days]).take(pa.array(session))
    for at, name in enumerate(FIELDS):
        unit = 1.0 / after[0] if name == "volume" else after.prod(axis=0)
        columns[name] = pa.array((values[at] * unit)[session, symbol].astype(np.float32).astype(np.float64))
    return pa.table(columns)


def factors_of(bars: pa.Table) -> pa.Table:
    """Alpha158 of such a table, as if each bar had been known with its session: ``symbol``, ``session``, factors."""
    symbols, day = symbols_of([bars]), bars["session"].cast(pa.int32()).to_numpy()
    days = np.unique(day).astype(np.int64)
    grid = SessionGrid(days, days * _DAY)
    known = bars.append_column("knowledge_time", pa.array(day.astype(np.int64) * _DAY))
    first = known.append_column("revision", pa.array(np.zeros(len(bars), np.int64)))
    none = np.zeros(0, dtype=np.int64)
    no_actions = Actions(none, none, none, none.astype(np.float64), none.astype(np.bool_))
    rows = compute(bars_of([first], symbols), no_actions, grid, len(symbols), ALPHA158, np.arange(len(days)))
    key = {
        "symbol": pa.array(symbols).take(pa.array(rows.symbol)),
        "session": pa.array(rows.session.astype(np.int32)).cast(pa.date32()),
    }
    return pa.table(key | dict(zip(ALPHA158.names, rows.values, strict=True)))
