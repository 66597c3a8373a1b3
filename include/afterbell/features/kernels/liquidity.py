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
    stats = np.empty((3, len(windows), volume.shape[1]))
    moments(volume, windows, stats)
    for index in range(len(windows)):
        for lane in range(volume.shape[1]):
            enough = stats[0, index, lane] >= _SHARE * windows[index] and volume[0, lane] > 0.0
            out[0, index, lane] = stats[1, index, lane] / volume[0, lane] if enough else np.nan
            out[1, index, lane] = np.sqrt(stats[2, index, lane]) / volume[0, lane] if enough else np.nan


@kernel()
def log_volume_ratio(volume: Floats, log_volume: Floats, windows: Ints, out: Floats) -> None:
    """LVR: log(volume + 1) - log(mean(volume, w) + 1)."""
    stats = np.empty((3, len(windows), volume.shape[1]))
    moments(volume, windows, stats)
    for index in range(len(windows)):
        for lane in range(volume.shape[1]):
            ratio = log_volume[0, lane] - np.log(stats[1, index, lane] + 1.0)
            out[0, index, lane] = ratio if stats[0, index, lane] >= _SHARE * windows[index] else np.nan


@kernel()
def log_volume_score(log_volume: Floats, windows: Ints, out: Floats) -> None:
    """LVZ: how many standard deviations log(volume + 1) lies above its mean over w; NaN where it never moved."""
    stats = np.empty((3, len(windows), log_volume.shape[1]))
    moments(log_volume, windows, stats)
    for index in range(len(windows)):
        for lane in range(log_volume.shape[1]):
            enough = stats[0, index, lane] >= _SHARE * windows[index] and stats[2, index, lane] > 0.0
            score = (log_volume[0, lane] - stats[1, index, lane]) / np.sqrt(stats[2, index, lane])
            out[0, index, lane] = score if enough else np.nan


@kernel()
def dollar_volume(dollars: Floats, windows: Ints, out: Floats) -> None:
    """DVOL: log(mean(close x volume, w) + 1), as traded, in the log of the currency."""
    stats = np.empty((3, len(windows), dollars.shape[1]))
    moments(dollars, windows, stats)
    for index in range(len(windows)):
        for lane in range(dollars.shape[1]):
            level = np.log(stats[1, index, lane] + 1.0)
            out[0, index, lane] = level if stats[0, index, lane] >= _SHARE * windows[index] else np.nan


@kernel()
def illiquidity(impact: Floats, windows: Ints, out: Floats) -> None:
    """ILLIQ of Amihud (2002): log(1 + 1e6 mean(|return| / dollars traded, w))."""
    stats = np.empty((3, len(windows), impact.shape[1]))
    moments(impact, windows, stats)
    for index in range(len(windows)):
        for lane in range(impact.shape[1]):
            level = np.log(stats[1, index, lane] * 1e6 + 1.0)
            out[0, index, lane] = level if stats[0, index, lane] >= _SHARE * windows[index] else np.nan


@kernel()
def volatility_ratio(returns: Floats, windows: Ints, out: Floats) -> None:
    """VOLR: std(return, w / 4) / std(return, w); NaN where the return never moved."""
    quarters = windows // 4
    short = np.empty((3, len(windows), returns.shape[1]))
    long = np.empty((3, len(windows), returns.shape[1]))
    moments(returns, quarters, short)
    moments(returns, windows, long)
    for index in range(len(windows)):
        for lane in range(returns.shape[1]):
            enough = (
                long[0, index, lane] >= _SHARE * windows[index] and short[0, index, lane] >= _SHARE * quarters[index]
            )
            moved = enough and long[2, index, lane] > 0.0
            out[0, index, lane] = np.sqrt(short[2, index, lane] / long[2, index, lane]) if moved else np.nan
