"""Looking back from a block of sessions: series by age, and statistics over the last ``w`` sessions; pure numpy.

Everything is accumulated over the ages 0, 1, .. w-1 in that order, elementwise over the block. So a statistic is a
function of its own window's values alone, down to the last bit: it cannot tell whether the block held one session
or a thousand. A running sum, or a reduction along an axis (whose order numpy picks by shape), could.

A statistic over ``w`` sessions needs ``ceil(w * share)`` sessions with a value, else it is NaN; sessions without a
bar are left out of it, never filled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from afterbell.features.grid import FIELDS, Floats, Panel

State = list[Floats]


@dataclass(frozen=True)
class Moments:
    """Count, mean and variance (one degree of freedom taken off) of a window; NaN where too few values."""

    count: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True)
class Moves:
    """How a series moved from session to session within a window.

    Attributes:
        count: pairs of neighbouring sessions with a value in both.
        rises: pairs that rose.
        up: sum of the rises' sizes.
        total: sum of all moves' absolute sizes.
    """

    count: Floats
    rises: Floats
    up: Floats
    total: Floats


class Lookback:
    """The last sessions as seen from each of the columns ``start`` to ``stop`` of a panel.

    Attributes:
        shape: of every array given out, ``(n_symbols, stop - start)``.
        share: the share of a window's sessions that must have a value.
    """

    def __init__(self, panel: Panel, start: int, stop: int, depth: int, share: float) -> None:
        """``depth`` is the greatest age that may be asked for, the declared look-back."""
        self._panel, self._start, self._stop, self._depth = panel, start, stop, depth
        self.share = share
        self.shape = (panel.bars.arrays[0].shape[1], stop - start)
        self._series: dict[tuple[str, int], Floats] = {}
        self._folds: dict[tuple[object, ...], dict[int, State]] = {}

    def at(self, series: str, age: int) -> Floats:
        """``series`` (a name of ``SERIES``) ``age`` sessions ago, NaN where it has no value.

        Raises:
            ValueError: ``age`` is negative, a look ahead, or beyond the declared look-back.
        """
        if not 0 <= age <= self._depth:
            raise ValueError(f"series {series!r} at age {age}: factors see ages 0 to {self._depth} only")
        key = (series, age)
        if key not in self._series:
            self._series[key] = SERIES[series](self, age)
        return self._series[key]

    def raw(self, field: str, age: int) -> Floats:
        """A field of the bar as traded, in the newest revision known at the row's own cut-off."""
        return self._columns(self._panel.bars.at(age)[FIELDS.index(field)], age, np.nan)

    def price_factor(self, age: int) -> Floats:
        """What a price ``age`` sessions ago is multiplied by to stand in the row's own units; 1 at age 0."""
        if age == 0:
            return np.ones(self.shape)
        payout = self._columns(self._panel.payouts.at(age - 1)[0], age - 1, 1.0)
        split = self._columns(self._panel.splits.at(age - 1)[0], age - 1, 1.0)
        factor: Floats = self.at("price_factor", age - 1) * (payout * split)
        return factor

    def split_factor(self, age: int) -> Floats:
        """The part of ``price_factor`` that is due to splits: volumes are divided by it."""
        if age == 0:
            return np.ones(self.shape)
        split = self._columns(self._panel.splits.at(age - 1)[0], age - 1, 1.0)
        factor: Floats = self.at("split_factor", age - 1) * split
        return factor

    def enough(self, count: Floats, window: int, least: int = 1) -> Floats:
        """``count`` where it suffices for ``window``, NaN elsewhere: dividing by it hides the rest."""
        return np.where(count >= max(least, math.ceil(window * self.share)), count, np.nan)

    def moments(self, series: str, window: int) -> Moments:
        """Moments of the last ``window`` sessions, taken about the newest value so that a constant has variance 0."""
        centre = np.nan_to_num(self.at(series, 0))

        def step(state: State, age: int) -> None:
            offset = self.at(series, age) - centre
            valid = np.isfinite(offset)
            offset = np.where(valid, offset, 0.0)
            _add(state, valid, offset, offset * offset)

        count, total, squares = self.fold(("moments", series), 3, step, window)
        count = self.enough(count, window)
        mean = total / count
        spread = np.maximum(squares - total * mean, 0.0)
        return Moments(count, centre + mean, spread / np.where(count > 1, count - 1, np.nan))

    def correlation(self, left: str, right: str, window: int) -> Floats:
        """Pearson's correlation over sessions where both have a value; NaN where one of them is constant."""
        centres = [np.nan_to_num(self.at(series, 0)) for series in (left, right)]

        def step(state: State, age: int) -> None:
            x, y = self.at(left, age) - centres[0], self.at(right, age) - centres[1]
            valid = np.isfinite(x) & np.isfinite(y)
            x, y = np.where(valid, x, 0.0), np.where(valid, y, 0.0)
            _add(state, valid, x, y, x * x, y * y, x * y)

        count, x, y, xx, yy, xy = self.fold(("correlation", left, right), 6, step, window)
        count = self.enough(count, window, least=2)
        spread_x, spread_y = xx - x * x / count, yy - y * y / count
        # A relative bound on rounding: without it a constant series adjusted for a split correlates with noise.
        flat = (spread_x <= 1e-12 * centres[0] ** 2) | (spread_y <= 1e-12)
        return np.where(flat, np.nan, (xy - x * y / count) / np.sqrt(spread_x * spread_y))

    def highest(self, series: str, window: int) -> Floats:
        """The greatest value of the last ``window`` sessions."""
        return self._extreme(series, window, 1.0)

    def lowest(self, series: str, window: int) -> Floats:
        """The least value of the last ``window`` sessions."""
        return -self._extreme(series, window, -1.0)

    def _extreme(self, series: str, window: int, sign: float) -> Floats:
        def step(state: State, age: int) -> None:
            value = sign * self.at(series, age)
            valid = np.isfinite(value)
            state[0] += valid
            np.maximum(state[1], np.where(valid, value, -np.inf), out=state[1])
            if age == 0:  # the accumulators start at 0, which is no lower bound of `value`
                state[1][...] = np.where(valid, value, -np.inf)

        count, extreme = self.fold(("extreme", series, sign), 2, step, window)
        return np.where(np.isnan(self.enough(count, window)), np.nan, extreme)

    def rank(self, series: str, window: int) -> Floats:
        """The newest value's rank among the last ``window`` as a share in (0, 1], ties at their average."""
        newest = self.at(series, 0)

        def step(state: State, age: int) -> None:
            value = self.at(series, age)
            _add(state, np.isfinite(value), value < newest, value == newest)

        count, less, equal = self.fold(("rank", series), 3, step, window)
        rank: Floats = (less + (equal + 1.0) / 2.0) / self.enough(count, window)
        return np.where(np.isfinite(newest), rank, np.nan)

    def moves(self, series: str, window: int) -> Moves:
        """Moves between neighbouring sessions over the last ``window`` of them: looks back ``window`` sessions."""

        def step(state: State, age: int) -> None:
            move = self.at(series, age) - self.at(series, age + 1)
            valid = np.isfinite(move)
            move = np.where(valid, move, 0.0)
            _add(state, valid, move > 0.0, np.maximum(move, 0.0), np.abs(move))

        count, rises, up, total = self.fold(("moves", series), 4, step, window)
        return Moves(self.enough(count, window), rises, up, total)

    def fold(self, key: tuple[object, ...], width: int, step: Callable[[State, int], None], window: int) -> State:
        """``width`` accumulators after ``step`` has seen the ages 0 to ``window - 1``, each once and in order.

        A longer window of the same ``key`` goes on from a shorter one's, which changes no bit of it.
        """
        done = self._folds.setdefault(key, {})
        if window not in done:
            begin = max((shorter for shorter in done if shorter < window), default=0)
            state = [array.copy() for array in done[begin]] if begin else self._zeros(width)
            for age in range(begin, window):
                step(state, age)
            done[window] = state
        return done[window]

    def _zeros(self, width: int) -> State:
        return [np.zeros(self.shape) for _ in range(width)]

    def _columns(self, array: Floats, age: int, missing: float) -> Floats:
        start, stop = self._start - age, self._stop - age
        if start >= 0:
            return array[:, start:stop]
        lead = np.full((self.shape[0], min(-start, self.shape[1])), missing)
        return np.concatenate((lead, array[:, 0 : max(stop, 0)]), axis=1)


def _add(state: State, *terms: npt.NDArray[Any]) -> None:
    for index, term in enumerate(terms):
        state[index] += term


def _price(field: str) -> Callable[[Lookback, int], Floats]:
    def price(back: Lookback, age: int) -> Floats:
        found: Floats = back.raw(field, age) * back.at("price_factor", age)
        return found

    return price


def _volume(back: Lookback, age: int) -> Floats:
    found: Floats = back.raw("volume", age) / back.at("split_factor", age)
    return found


def _log_volume(back: Lookback, age: int) -> Floats:
    found: Floats = np.log(back.at("volume", age) + 1.0)
    return found


def _return(back: Lookback, age: int) -> Floats:
    found: Floats = back.at("close", age) / back.at("close", age + 1) - 1.0
    return found


def _dollars(back: Lookback, age: int) -> Floats:
    found: Floats = back.raw("close", age) * back.raw("volume", age)
    return found


def _impact(back: Lookback, age: int) -> Floats:
    traded = back.at("dollars", age)
    return np.abs(back.at("return", age)) / np.where(traded > 0.0, traded, np.nan)


SERIES: dict[str, Callable[[Lookback, int], Floats]] = {
    "price_factor": Lookback.price_factor,
    "split_factor": Lookback.split_factor,
    "open": _price("open"),
    "high": _price("high"),
    "low": _price("low"),
    "close": _price("close"),
    "volume": _volume,
    "log_volume": _log_volume,
    "return": _return,
    "dollars": _dollars,
    "impact": _impact,
}
"""Series that factors are made of, each seen from the row's session: prices and volumes in that session's units,
``log_volume`` = log(volume + 1), ``return`` from the session before, ``dollars`` traded, ``impact`` = |return| per
dollar traded."""
