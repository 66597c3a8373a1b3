"""The factors' formulas over one symbol's past, in numpy and scipy: where the tests' answers come from.

Written from Qlib 0.9.7 (``qlib/contrib/data/loader.py``, ``qlib/data/ops.py``), a window at a time, slowly. A window
has a row a session since the symbol's first bar, of NaN where there is no bar.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
NAN = float("nan")
TINY = 1e-12


@dataclass(frozen=True)
class Past:
    """A symbol's sessions from its first bar to the row's own one, which has a bar; adjusted to that session.

    ``dollars`` are close x volume as traded.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    dollars: Floats

    @cached_property
    def typical(self) -> Floats:
        return (self.high + self.low + self.close) / 3

    @cached_property
    def log_volume(self) -> Floats:
        return np.log(self.volume + 1)

    @cached_property
    def returns(self) -> Floats:
        return self.close / before(self.close) - 1

    @cached_property
    def log_volume_ratio(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(self.volume / before(self.volume) + 1)
        return np.where(np.isinf(found), NAN, found)  # as pandas takes it

    @cached_property
    def flow(self) -> Floats:
        return np.abs(self.returns) * self.volume

    @cached_property
    def impact(self) -> Floats:
        return np.abs(self.returns) / np.where(self.dollars > 0, self.dollars, NAN)


def before(x: Floats) -> Floats:
    """The session before's value."""
    return np.concatenate(([NAN], x[:-1]))


def valid(x: Floats) -> Floats:
    return x[np.isfinite(x)]


def mean(x: Floats) -> float:
    return float(valid(x).mean()) if len(valid(x)) else NAN


def std(x: Floats) -> float:
    return float(valid(x).std(ddof=1)) if len(valid(x)) > 1 else NAN


def ago(x: Floats, sessions: int) -> float:
    return float(x[-1 - sessions]) if sessions < len(x) else NAN


def line(close: Floats) -> tuple[float, float]:
    """Slope, and residual of the newest value."""
    place = np.flatnonzero(np.isfinite(close))
    if len(place) < 2:
        return NAN, NAN
    slope, intercept = np.polyfit(place - place[-1], valid(close), 1)
    return float(slope), float(close[-1] - intercept)


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's; none where Qlib holds one of both for a constant."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = x[both], y[both]
    if both.sum() < 2 or np.ptp(a) == 0 or np.ptp(b) == 0 or std(x) <= 2e-5 or std(y) <= 2e-5:
        return NAN
    return float(np.corrcoef(a, b)[0, 1])


def r_squared(close: Floats) -> float:
    return correlation(close, np.arange(len(close), dtype=float)) ** 2


def rank(x: Floats) -> float:
    return float(stats.rankdata(valid(x))[-1] / len(valid(x)))


def place(x: Floats, window: int) -> float:
    """Of the greatest value, the first of them, counted from 1; for NumPy, whom Qlib asks, NaN is the greatest."""
    return (int(np.argmax(x)) + 1) / window


def spread(p: Past, w: int) -> float:
    return (p.close[-1] - np.nanmin(p.low[-w:])) / (np.nanmax(p.high[-w:]) - np.nanmin(p.low[-w:]) + TINY)


def moves(x: Floats, w: int) -> Floats:
    return (x - before(x))[-w:]


def share(x: Floats, w: int, sign: float) -> float:
    """The sum of the moves in one direction over that of all."""
    found = valid(moves(x, w))
    return float(np.maximum(sign * found, 0).sum() / (np.abs(found).sum() + TINY)) if len(found) else NAN


def count(x: Floats, w: int, sign: float) -> float:
    return float(np.mean(sign * moves(x, w) > 0))


def half(answer: float, x: Floats, w: int) -> float:
    """Only where half of the window has values."""
    return answer if len(valid(x[-w:])) >= w / 2 else NAN


def log(x: float) -> float:
    return math.log(x) if x > 0 else NAN


ALPHA: dict[str, Callable[[Past, int], float]] = {
    "KMID": lambda p, _: (p.close[-1] - p.open[-1]) / p.open[-1],
    "KLEN": lambda p, _: (p.high[-1] - p.low[-1]) / p.open[-1],
    "KMID2": lambda p, _: (p.close[-1] - p.open[-1]) / (p.high[-1] - p.low[-1] + TINY),
    "KUP": lambda p, _: (p.high[-1] - max(p.open[-1], p.close[-1])) / p.open[-1],
    "KUP2": lambda p, _: (p.high[-1] - max(p.open[-1], p.close[-1])) / (p.high[-1] - p.low[-1] + TINY),
    "KLOW": lambda p, _: (min(p.open[-1], p.close[-1]) - p.low[-1]) / p.open[-1],
    "KLOW2": lambda p, _: (min(p.open[-1], p.close[-1]) - p.low[-1]) / (p.high[-1] - p.low[-1] + TINY),
    "KSFT": lambda p, _: (2 * p.close[-1] - p.high[-1] - p.low[-1]) / p.open[-1],
    "KSFT2": lambda p, _: (2 * p.close[-1] - p.high[-1] - p.low[-1]) / (p.high[-1] - p.low[-1] + TINY),
    "OPEN": lambda p, w: ago(p.open, w) / p.close[-1],
    "HIGH": lambda p, w: ago(p.high, w) / p.close[-1],
    "LOW": lambda p, w: ago(p.low, w) / p.close[-1],
    "CLOSE": lambda p, w: ago(p.close, w) / p.close[-1],
    "VWAP": lambda p, w: ago(p.typical, w) / p.close[-1],
    "VOLUME": lambda p, w: ago(p.volume, w) / (p.volume[-1] + TINY),
    "ROC": lambda p, w: ago(p.close, w) / p.close[-1],
    "MA": lambda p, w: mean(p.close[-w:]) / p.close[-1],
    "STD": lambda p, w: std(p.close[-w:]) / p.close[-1],
    "BETA": lambda p, w: line(p.close[-w:])[0] / p.close[-1],
    "RESI": lambda p, w: line(p.close[-w:])[1] / p.close[-1],
    "RSQR": lambda p, w: r_squared(p.close[-w:]),
    "QTLU": lambda p, w: float(np.nanquantile(p.close[-w:], 0.8)) / p.close[-1],
    "QTLD": lambda p, w: float(np.nanquantile(p.close[-w:], 0.2)) / p.close[-1],
    "RANK": lambda p, w: rank(p.close[-w:]),
    "MAX": lambda p, w: np.nanmax(p.high[-w:]) / p.close[-1],
    "MIN": lambda p, w: np.nanmin(p.low[-w:]) / p.close[-1],
    "RSV": spread,
    "IMAX": lambda p, w: place(p.high[-w:], w),
    "IMIN": lambda p, w: place(-p.low[-w:], w),
    "IMXD": lambda p, w: place(p.high[-w:], w) - place(-p.low[-w:], w),
    "CORR": lambda p, w: correlation(p.close[-w:], p.log_volume[-w:]),
    "CORD": lambda p, w: correlation(p.returns[-w:], p.log_volume_ratio[-w:]),
    "CNTP": lambda p, w: count(p.close, w, 1),
    "CNTN": lambda p, w: count(p.close, w, -1),
    "CNTD": lambda p, w: count(p.close, w, 1) - count(p.close, w, -1),
    "SUMP": lambda p, w: share(p.close, w, 1),
    "SUMN": lambda p, w: share(p.close, w, -1),
    "SUMD": lambda p, w: share(p.close, w, 1) - share(p.close, w, -1),
    "VMA": lambda p, w: mean(p.volume[-w:]) / (p.volume[-1] + TINY),
    "VSTD": lambda p, w: std(p.volume[-w:]) / (p.volume[-1] + TINY),
    "WVMA": lambda p, w: std(p.flow[-w:]) / (mean(p.flow[-w:]) + TINY),
    "VSUMP": lambda p, w: share(p.volume, w, 1),
    "VSUMN": lambda p, w: share(p.volume, w, -1),
    "VSUMD": lambda p, w: share(p.volume, w, 1) - share(p.volume, w, -1),
}
"""Of Qlib's Alpha158 and Alpha360."""


def traded(answer: float, p: Past, w: int) -> float:
    """Over a volume of more than nothing."""
    return half(answer / p.volume[-1], p.volume, w) if p.volume[-1] > 0 else NAN


def score(x: Floats) -> float:
    return (x[-1] - mean(x)) / std(x) if std(x) > 0 and np.ptp(valid(x)) > 0 else NAN


def volatility_ratio(p: Past, w: int) -> float:
    short, long = p.returns[-(w // 4) :], p.returns[-w:]
    moved = std(long) > 0 and np.ptp(valid(long)) > 0
    return half(half(std(short) / std(long) if moved else NAN, short, w // 4), long, w)


CORE: dict[str, Callable[[Past, int], float]] = {
    **ALPHA,
    "GAP": lambda p, _: p.open[-1] / ago(p.close, 1) - 1,
    "VMA": lambda p, w: traded(mean(p.volume[-w:]), p, w),
    "VSTD": lambda p, w: traded(std(p.volume[-w:]), p, w),
    "LVR": lambda p, w: half(log(p.volume[-1] + 1) - log(mean(p.volume[-w:]) + 1), p.volume, w),
    "LVZ": lambda p, w: half(score(p.log_volume[-w:]), p.volume, w),
    "DVOL": lambda p, w: half(log(mean(p.dollars[-w:]) + 1), p.dollars, w),
    "ILLIQ": lambda p, w: half(log(1 + 1e6 * mean(p.impact[-w:])), p.impact, w),
    "VOLR": volatility_ratio,
}
"""Of the core set, whose volume factors are its own."""


def answer(formulas: dict[str, Callable[[Past, int], float]], name: str, window: int, past: Past) -> float:
    """The factor ``name``, such as ``KMID2`` or ``ROC20``, of the last row."""
    return float(formulas[name if name in formulas else name.rstrip("0123456789")](past, window))
