"""The kernels of factors: arithmetic on looks back, float64 arrays of shape (symbols, sessions); pure numpy.

Names and definitions of Qlib's Alpha158 (microsoft/qlib, ``qlib/contrib/data/loader.py``) are kept where a name is
Qlib's. Qlib computes a window from one value on and divides by volumes of 0 plus 1e-12; here a window needs the
factor set's share of values, and a row without volume has no volume ratio. ``w`` is the window in sessions, 0 for
kernels that have none.
"""

from __future__ import annotations

import numpy as np

from afterbell.features.grid import Floats
from afterbell.features.lookback import Lookback

_TINY = 1e-12


def kmid(back: Lookback, _: int) -> Floats:
    """Qlib KMID: (close - open) / open."""
    return (back.at("close", 0) - back.at("open", 0)) / back.at("open", 0)


def klen(back: Lookback, _: int) -> Floats:
    """Qlib KLEN: (high - low) / open."""
    return (back.at("high", 0) - back.at("low", 0)) / back.at("open", 0)


def kup(back: Lookback, _: int) -> Floats:
    """Qlib KUP: (high - max(open, close)) / open."""
    top = np.maximum(back.at("open", 0), back.at("close", 0))
    return (back.at("high", 0) - top) / back.at("open", 0)


def klow(back: Lookback, _: int) -> Floats:
    """Qlib KLOW: (min(open, close) - low) / open."""
    bottom = np.minimum(back.at("open", 0), back.at("close", 0))
    return (bottom - back.at("low", 0)) / back.at("open", 0)


def ksft(back: Lookback, _: int) -> Floats:
    """Qlib KSFT: (2 close - high - low) / open."""
    return (2.0 * back.at("close", 0) - back.at("high", 0) - back.at("low", 0)) / back.at("open", 0)


def gap(back: Lookback, _: int) -> Floats:
    """The overnight move: open / close of the session before - 1."""
    return back.at("open", 0) / back.at("close", 1) - 1.0


def roc(back: Lookback, w: int) -> Floats:
    """Qlib ROC: close w sessions ago / close."""
    return back.at("close", w) / back.at("close", 0)


def ma(back: Lookback, w: int) -> Floats:
    """Qlib MA: mean(close, w) / close."""
    return back.moments("close", w).mean / back.at("close", 0)


def std(back: Lookback, w: int) -> Floats:
    """Qlib STD: the standard deviation of close over w (n - 1 below the sum) / close."""
    return np.sqrt(back.moments("close", w).variance) / back.at("close", 0)


def high_max(back: Lookback, w: int) -> Floats:
    """Qlib MAX: max(high, w) / close."""
    return back.highest("high", w) / back.at("close", 0)


def low_min(back: Lookback, w: int) -> Floats:
    """Qlib MIN: min(low, w) / close."""
    return back.lowest("low", w) / back.at("close", 0)


def rsv(back: Lookback, w: int) -> Floats:
    """Qlib RSV: (close - min(low, w)) / (max(high, w) - min(low, w) + 1e-12)."""
    low = back.lowest("low", w)
    return (back.at("close", 0) - low) / (back.highest("high", w) - low + _TINY)


def rank(back: Lookback, w: int) -> Floats:
    """Qlib RANK: the rank of close among the last w as a share, ties at their average."""
    return back.rank("close", w)


def corr(back: Lookback, w: int) -> Floats:
    """Qlib CORR: correlation of close and log(volume + 1)."""
    return back.correlation("close", "log_volume", w)


def cntp(back: Lookback, w: int) -> Floats:
    """Qlib CNTP: the share of sessions that closed higher than the one before."""
    moves = back.moves("close", w)
    return moves.rises / moves.count


def sump(back: Lookback, w: int) -> Floats:
    """Qlib SUMP: sum of rises / (sum of all moves + 1e-12)."""
    return _share_up(back, "close", w)


def vsump(back: Lookback, w: int) -> Floats:
    """Qlib VSUMP: SUMP of volume."""
    return _share_up(back, "volume", w)


def vma(back: Lookback, w: int) -> Floats:
    """Qlib VMA: mean(volume, w) / volume; NaN without volume."""
    return back.moments("volume", w).mean / _traded(back)


def vstd(back: Lookback, w: int) -> Floats:
    """Qlib VSTD: std(volume, w) / volume; NaN without volume."""
    return np.sqrt(back.moments("volume", w).variance) / _traded(back)


def lvr(back: Lookback, w: int) -> Floats:
    """Log volume ratio: log(volume + 1) - log(mean(volume, w) + 1)."""
    return back.at("log_volume", 0) - np.log(back.moments("volume", w).mean + 1.0)


def lvz(back: Lookback, w: int) -> Floats:
    """How many standard deviations log(volume + 1) lies above its mean over w; NaN where it never moved."""
    moments = back.moments("log_volume", w)
    return (back.at("log_volume", 0) - moments.mean) / _positive(np.sqrt(moments.variance))


def dvol(back: Lookback, w: int) -> Floats:
    """Level of trading: log(mean(close x volume, w) + 1), as traded, in the log of the currency."""
    return np.log(back.moments("dollars", w).mean + 1.0)


def illiq(back: Lookback, w: int) -> Floats:
    """Amihud's illiquidity (2002), log(1 + 1e6 mean(abs(return) / dollars traded, w))."""
    return np.log(back.moments("impact", w).mean * 1e6 + 1.0)


def volr(back: Lookback, w: int) -> Floats:
    """Volatility against its own past: std(return, w / 4) / std(return, w)."""
    short, long = back.moments("return", w // 4).variance, back.moments("return", w).variance
    return np.sqrt(short / _positive(long))


def _share_up(back: Lookback, series: str, w: int) -> Floats:
    moves = back.moves(series, w)
    return np.where(np.isnan(moves.count), np.nan, moves.up / (moves.total + _TINY))


def _traded(back: Lookback) -> Floats:
    return _positive(back.at("volume", 0))


def _positive(array: Floats) -> Floats:
    return np.where(array > 0.0, array, np.nan)
