"""Ratios of what is known at the session itself; no window. NaN where the denominator isn't positive."""

from __future__ import annotations

import numpy as np

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints


@kernel()
def ratio(x: Floats, base: Floats, _: Ints, out: Floats) -> None:
    """Value over base: x / base."""
    for lane in range(x.shape[1]):
        out[0, 0, lane] = x[0, lane] / base[0, lane] if base[0, lane] > 0.0 else np.nan


@kernel()
def growth(x: Floats, base: Floats, _: Ints, out: Floats) -> None:
    """Growth since the base: x / base - 1."""
    for lane in range(x.shape[1]):
        out[0, 0, lane] = x[0, lane] / base[0, lane] - 1.0 if base[0, lane] > 0.0 else np.nan


@kernel()
def difference(x: Floats, less: Floats, base: Floats, _: Ints, out: Floats) -> None:
    """Difference over base: (x - less) / base."""
    for lane in range(x.shape[1]):
        out[0, 0, lane] = (x[0, lane] - less[0, lane]) / base[0, lane] if base[0, lane] > 0.0 else np.nan


@kernel()
def over_value(x: Floats, shares: Floats, close: Floats, _: Ints, out: Floats) -> None:
    """Value over that of all shares: x / (shares x close)."""
    for lane in range(x.shape[1]):
        value = shares[0, lane] * close[0, lane]
        out[0, 0, lane] = x[0, lane] / value if value > 0.0 else np.nan


@kernel()
def log_value(shares: Floats, close: Floats, _: Ints, out: Floats) -> None:
    """Value of all shares: log(shares x close)."""
    for lane in range(shares.shape[1]):
        value = shares[0, lane] * close[0, lane]
        out[0, 0, lane] = np.log(value) if value > 0.0 else np.nan


@kernel()
def as_is(x: Floats, _: Ints, out: Floats) -> None:
    """The value itself."""
    out[0, 0] = x[0]
