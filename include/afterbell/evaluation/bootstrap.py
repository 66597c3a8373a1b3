"""Circular block bootstrap of a mean (Politis and Romano, 1992): blocks keep the series' own autocorrelation."""

from __future__ import annotations

import math

import numpy as np

from afterbell.evaluation.panel import Floats


def block_length(sessions: int, horizon: int) -> int:
    """Sessions of a block: twice the labels' overlap, or the cube root of the series if longer."""
    longest = max(2 * (horizon - 1), math.ceil(math.cbrt(sessions)))
    return max(1, min(sessions, longest))


def bootstrap_means(values: Floats, block: int, resamples: int, seed: int) -> Floats:
    """Means of resampled series.

    Args:
        values: float64 (n,), finite, in order of time; n at least 1.
        block: sessions of a block; 1 is the ordinary bootstrap.
        resamples: how many.
        seed: the same seed gives the same means.

    Returns:
        float64 (resamples,).
    """
    n = values.size
    blocks = -(-n // block)
    starts = np.random.default_rng(seed).integers(0, n, (resamples, blocks))
    places = (starts[:, :, None] + np.arange(block)) % n
    means: Floats = values[places.reshape(resamples, -1)[:, :n]].mean(axis=1)
    return means
