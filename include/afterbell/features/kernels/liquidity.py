"""How much is traded, and what a trade moves. A window needs values in at least half of its sessions."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints
from afterbell.features.kernels.level import moments

_SHARE = 0.5


@kernel(answers=2)
def traded_level(volume: Floats, windows: Ints, out: Floats) -> None:
    """Mean and standard deviation of volume over the newest one, which must be more than nothing: VMA, VSTD."""
    found = np.empty((3, len(windows), volume.shape[1]))
    moments(volume, windows, found)
    for at in range(len(windows)):
        for lane in range(volume.shape[1]):
            enough = found[0, at, lane] >= _SHARE * windows[at] and volume[0, lane] > 0.0
            out[0, at, lane] = found[1, at, lane] / volume[0, lane] if enough else np.nan
            out[1, at, lane] = np.sqrt(found[2, at, lane]) / volume[0, lane] if enough else np.nan


@kernel()
def log_volume_ratio(volume: Floats, log_volume: Floats, windows: Ints, out: Floats) -> None:
    """LVR: log(volume + 1) - log(mean(volume, w) + 1)."""
    found = np.empty((3, len(windows), volume.shape[1]))
    moments(volume, windows, found)
    for at in range(len(windows)):
        for lane in range(volume.shape[1]):
            ratio = log_volume[0, lane] - np.log(found[1, at, lane] + 1.0)
            out[0, at, lane] = ratio if found[0, at, lane] >= _SHARE * windows[at] else np.nan


@kernel()
def log_volume_score(log_volume: Floats, windows: Ints, out: Floats) -> None:
    """LVZ: how many standard deviations log(volume + 1) lies above its mean over w; NaN where it never moved."""
    found = np.empty((3, len(windows), log_volume.shape[1]))
    moments(log_volume, windows, found)
    for at in range(len(windows)):
        for lane in range(log_volume.shape[1]):
            enough = found[0, at, lane] >= _SHARE * windows[at] and found[2, at, lane] > 0.0
            score = (log_volume[0, lane] - found[1, at, lane]) / np.sqrt(found[2, at, lane])
            out[0, at, lane] = score if enough else np.nan


@kernel()
def dollar_volume(dollars: Floats, windows: Ints, out: Floats) -> None:
    """DVOL: log(mean(close x volume, w) + 1), as traded, in the log of the currency."""
    found = np.empty((3, len(windows), dollars.shape[1]))
    moments(dollars, windows, found)
    for at in range(len(windows)):
        for lane in range(dollars.shape[1]):
            level = np.log(found[1, at, lane] + 1.0)
            out[0, at, lane] = level if found[0, at, lane] >= _SHARE * windows[at] else np.nan


@kernel()
def illiquidity(impact: Floats, windows: Ints, out: Floats) -> None:
    """ILLIQ of Amihud (2002): log(1 + 1e6 mean(|return| / dollars traded, w))."""
    found = np.empty((3, len(windows), impact.shape[1]))
    moments(impact, windows, found)
    for at in range(len(windows)):
        for lane in range(impact.shape[1]):
            level = np.log(found[1, at, lane] * 1e6 + 1.0)
            out[0, at, lane] = level if found[0, at, lane] >= _SHARE * windows[at] else np.nan


@kernel()
def volatility_ratio(returns: Floats, windows: Ints, out: Floats) -> None:
    """VOLR: std(return, w / 4) / std(return, w); NaN where the return never moved."""
    quarters = windows // 4
    short = np.empty((3, len(windows), returns.shape[1]))
    long = np.empty((3, len(windows), returns.shape[1]))
    moments(returns, quarters, short)
    moments(returns, windows, long)
    for at in range(len(windows)):
        for lane in range(returns.shape[1]):
            enough = long[0, at, lane] >= _SHARE * windows[at] and short[0, at, lane] >= _SHARE * quarters[at]
            moved = enough and long[2, at, lane] > 0.0
            out[0, at, lane] = np.sqrt(short[2, at, lane] / long[2, at, lane]) if moved else np.nan
