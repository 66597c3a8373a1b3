"""What a block of symbols can see from one session: series that look back, in that session's own units.

A value ``k`` sessions ago is the newest revision known at the session's own cut-off; prices are multiplied, and
volumes divided, by the actions known then that took effect since. Before the session on which another security took the
symbol there is nothing. Whoever computes from a view can neither see what came later nor how many sessions are computed
together.
"""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import compiled
from afterbell.features.grid import FactorPanel, Floats, Ints

SERIES = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "typical",
    "log_volume",
    "return",
    "log_volume_ratio",
    "flow",
    "dollars",
    "impact",
)
"""What factors are made of, each ``k`` sessions ago: prices and volume in the row's units, ``typical`` = (high + low +
close) / 3, ``log_volume`` = log(volume + 1), ``return`` = close / close of the session before - 1,
``log_volume_ratio`` = log(volume / volume of the session before + 1), ``flow`` = |return| x volume, ``dollars`` =
close x volume as traded, ``impact`` = |return| / dollars, NaN where nothing was traded."""

_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _TYPICAL, _LOG, _RETURN, _LOG_RATIO, _FLOW, _DOLLARS, _IMPACT = range(len(SERIES))
_NEEDS = {
    "typical": ("high", "low", "close"),
    "log_volume": ("volume",),
    "return": ("close",),
    "log_volume_ratio": ("volume",),
    "flow": ("return", "volume", "close"),
    "impact": ("return", "dollars", "close"),
}


class View:
    """The look back of one block, filled for one session after the other.

    Attributes:
        series: float64 of shape ``(len(SERIES), depth + 1, lanes)``; only those that are needed are filled.
    """

    def __init__(self, panel: FactorPanel, depth: int, names: frozenset[str]) -> None:
        """``names`` are names of ``SERIES``, ``depth`` the greatest age."""
        self._needed = names | {source for name in names for source in _NEEDS.get(name, ())}
        self._bars, self._actions = panel.bars.arrays, panel.actions.arrays
        self._bar_layer, self._action_layer = panel.bars.by_age(depth), panel.actions.by_age(depth)
        lanes = self._bars.shape[-1]
        self.series = np.full((len(SERIES), depth + 1, lanes), np.nan)
        self._units = np.ones((2, depth + 1, lanes))
        self._prices = np.array([field for field in range(4) if SERIES[field] in self._needed], dtype=np.int64)
        if self._needed & {"log_volume", "log_volume_ratio"}:
            self._logs = np.full((2, *self._bars[:, _VOLUME].shape), np.nan)
            _log_table(self._bars[:, _VOLUME], self._logs)

    @property
    def named(self) -> dict[str, Floats]:
        """The series by their names."""
        return dict(zip(SERIES, self.series, strict=True))

    def look(self, column: int) -> None:
        """Fill the series as seen from the session of ``column``."""
        series, needed = self.series, self._needed
        _see_units(self._actions, self._action_layer, column, self._units)
        _see_prices(self._bars, self._bar_layer, column, self._units, self._prices, series)
        if "volume" in needed:
            _see_volume(self._bars, self._bar_layer, column, self._units, series)
        if "dollars" in needed:
            _see_dollars(self._bars, self._bar_layer, column, self._units, series)
        if "typical" in needed:
            _typical(series)
        if "return" in needed:
            _returns(series)
        if "log_volume" in needed:
            _log_volume(self._logs[0], self._bar_layer, column, self._units, series)
        if "log_volume_ratio" in needed:
            _log_volume_ratio(self._bars, self._logs[1], self._bar_layer, column, self._units, series)
        if "flow" in needed:
            _flow(series)
        if "impact" in needed:
            _impact(series)


@compiled
def _log_ratio(volume: float, before: float) -> float:
    # After a session without volume it is infinite or undefined: no value, as pandas takes it.
    return np.log(volume / before + 1.0) if before > 0.0 else np.nan


@compiled
def _log_table(volume: Floats, logs: Floats) -> None:
    """Logarithms of all cells once, as the volumes stand: nearly all rows can take theirs from here."""
    for layer in range(volume.shape[0]):
        for t in range(volume.shape[1]):
            for lane in range(volume.shape[2]):
                logs[0, layer, t, lane] = np.log(volume[layer, t, lane] + 1.0)
                if t > 0:
                    logs[1, layer, t, lane] = _log_ratio(volume[layer, t, lane], volume[layer, t - 1, lane])


@compiled
def _see_units(actions: Floats, by_age: Ints, column: int, units: Floats) -> None:
    """What prices (0) and shares (1) of each age are multiplied and divided by to stand in the column's own units."""
    for age in range(1, units.shape[1]):
        t, layer = column - age + 1, by_age[age - 1]
        for lane in range(units.shape[2]):
            split = actions[layer, 0, t, lane] if t >= 0 else 1.0
            payout = actions[layer, 1, t, lane] if t >= 0 else 1.0
            units[0, age, lane] = units[0, age - 1, lane] * (payout * split)
            units[1, age, lane] = units[1, age - 1, lane] * split


@compiled
def _see_prices(bars: Floats, by_age: Ints, column: int, units: Floats, fields: Ints, series: Floats) -> None:
    for age in range(series.shape[1]):
        t, layer = column - age, by_age[age]
        for field in fields:
            for lane in range(series.shape[2]):
                series[field, age, lane] = bars[layer, field, t, lane] * units[0, age, lane] if t >= 0 else np.nan


@compiled
def _see_volume(bars: Floats, by_age: Ints, column: int, units: Floats, series: Floats) -> None:
    for age in range(series.shape[1]):
        t, layer = column - age, by_age[age]
        for lane in range(series.shape[2]):
            series[_VOLUME, age, lane] = bars[layer, _VOLUME, t, lane] / units[1, age, lane] if t >= 0 else np.nan


@compiled
def _see_dollars(bars: Floats, by_age: Ints, column: int, units: Floats, series: Floats) -> None:
    for age in range(series.shape[1]):
        t, layer = column - age, by_age[age]
        for lane in range(series.shape[2]):
            traded = bars[layer, _CLOSE, t, lane] * bars[layer, _VOLUME, t, lane] if t >= 0 else np.nan
            # What another security traded under the symbol counts no more than its prices.
            series[_DOLLARS, age, lane] = np.nan if np.isnan(units[1, age, lane]) else traded


@compiled
def _typical(series: Floats) -> None:
    for age in range(series.shape[1]):
        for lane in range(series.shape[2]):
            total = series[_HIGH, age, lane] + series[_LOW, age, lane] + series[_CLOSE, age, lane]
            series[_TYPICAL, age, lane] = total / 3.0


@compiled
def _returns(series: Floats) -> None:
    last = series.shape[1] - 1
    for age in range(last):
        for lane in range(series.shape[2]):
            series[_RETURN, age, lane] = series[_CLOSE, age, lane] / series[_CLOSE, age + 1, lane] - 1.0
    series[_RETURN, last] = np.nan


@compiled
def _log_volume(logs: Floats, by_age: Ints, column: int, units: Floats, series: Floats) -> None:
    for age in range(series.shape[1]):
        t, layer = column - age, by_age[age]
        for lane in range(series.shape[2]):
            series[_LOG, age, lane] = logs[layer, t, lane] if t >= 0 else np.nan
        adjusted = 0
        for lane in range(series.shape[2]):
            adjusted += 1 if units[1, age, lane] != 1.0 else 0
        for lane in range(series.shape[2] if adjusted else 0):
            if units[1, age, lane] != 1.0:
                series[_LOG, age, lane] = np.log(series[_VOLUME, age, lane] + 1.0)


@compiled
def _log_volume_ratio(
    bars: Floats, logs: Floats, by_age: Ints, column: int, units: Floats, series: Floats
) -> None:  # fmt: skip
    last = series.shape[1] - 1
    for age in range(last):
        t, layer, before = column - age, by_age[age], by_age[age + 1]
        for lane in range(series.shape[2]):
            series[_LOG_RATIO, age, lane] = logs[layer, t, lane] if t >= 1 else np.nan
        adjusted = 0
        for lane in range(series.shape[2]):
            adjusted += 1 if units[1, age, lane] != units[1, age + 1, lane] else 0
        # The table has it as the volumes stand, both of one layer.
        if not adjusted and (layer == before or t < 1):
            continue
        for lane in range(series.shape[2]):
            restated = t >= 1 and bars[layer, _VOLUME, t - 1, lane] != bars[before, _VOLUME, t - 1, lane]
            if restated or units[1, age, lane] != units[1, age + 1, lane]:
                series[_LOG_RATIO, age, lane] = _log_ratio(series[_VOLUME, age, lane], series[_VOLUME, age + 1, lane])
    series[_LOG_RATIO, last] = np.nan


@compiled
def _flow(series: Floats) -> None:
    for age in range(series.shape[1]):
        for lane in range(series.shape[2]):
            series[_FLOW, age, lane] = abs(series[_RETURN, age, lane]) * series[_VOLUME, age, lane]


@compiled
def _impact(series: Floats) -> None:
    for age in range(series.shape[1]):
        for lane in range(series.shape[2]):
            traded, moved = series[_DOLLARS, age, lane], abs(series[_RETURN, age, lane])
            series[_IMPACT, age, lane] = moved / traded if traded > 0.0 else np.nan
