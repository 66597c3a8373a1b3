"""Awkward symbols, kernels asked about every one of their sessions, and the same asked of the formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from afterbell.features.compiled import Kernel
from tests.features import formulas
from tests.features.formulas import Floats, Past

NAN = float("nan")
DEPTH = 70
WINDOWS = (5, 20, 60)
LENGTH = 68
SERIES = {"return": "returns"}
"""Where the series' name is no name for an attribute."""


def walk(seed: int, length: int = LENGTH, step: float = 0.02) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, step, length)))
    open_ = close * np.exp(rng.normal(0, step / 2, length))
    high = np.maximum(open_, close) * (1 + 0.01 * rng.random(length))
    low = np.minimum(open_, close) * (1 - 0.01 * rng.random(length))
    volume = np.floor(np.exp(rng.normal(10, 1, length)))
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume, "traded": close}


def flat(close: Floats, volume: Floats) -> dict[str, Floats]:
    return {"open": close, "high": close, "low": close, "close": close, "volume": volume, "traded": close}


def without(bars: dict[str, Floats], *gaps: int) -> dict[str, Floats]:
    return {name: np.where(np.isin(np.arange(len(x)), gaps), NAN, x) for name, x in bars.items()}


def every(bars: dict[str, Floats], step: int, **values: float) -> dict[str, Floats]:
    """Sessions 0, ``step``, .. with other ``values``."""
    hit = np.arange(LENGTH) % step == 0
    return bars | {name: np.where(hit, value, bars[name]) for name, value in values.items()}


def symbols() -> Iterator[dict[str, Floats]]:
    """From their first bar on; ``traded`` is the close before it was adjusted."""
    ones, days = np.ones(LENGTH), np.arange(LENGTH)
    plain = walk(1)
    yield plain
    yield without(walk(2), 3, 7, 8, 9, 10, 11, 12, 30, 44, 45)  # one gap longer than the least window
    ties = {name: np.round(x) for name, x in walk(3).items()}
    yield without(ties, 20, 21)
    yield flat(20 * ones, 500 * ones)  # nothing ever moves
    yield flat(np.where(days < 40, 0.1 * days + 7, 0.1), 1000.0 + days % 3)  # a constant after a rise
    yield every(walk(4), 3, volume=0.0)
    yield without(every(walk(5), 2, volume=0.0), 10, 11)
    yield flat(walk(6)["close"], walk(6)["volume"])  # each session at one price
    yield flat(0.01 + 3e-5 * np.sin(days), 1e6 + days)  # moves about as small as those that Qlib calls none
    yield flat(np.linspace(10, 80, LENGTH), np.linspace(9e5, 1e3, LENGTH))
    halved = np.where(days < 33, 1 / 3, 1.0)  # a split of three for one, in the last session's units
    yield walk(7) | {"traded": walk(7)["close"] / halved}
    yield flat(30 * halved * np.where(days < 33, 1.0, 1 / 3), np.where(days < 33, 100 * 3.0, 300.0))
    yield walk(8, length=14)  # listed late


@cache
def pasts() -> list[Past]:
    """Every symbol as seen from its first twelve sessions with a bar, and from every fourth."""
    found = []
    for bars in symbols():
        for end in [*range(1, 13), *range(16, len(bars["close"]) + 1, 4)]:
            seen = {name: x[:end] for name, x in bars.items()}
            if np.isfinite(seen["close"][-1]):
                found.append(Past(dollars=seen.pop("traded") * seen["volume"], **seen))
    return found


def look_back(values: list[Floats]) -> Floats:
    """What a kernel takes: the newest value first, NaN before the first bar; one lane each."""
    series = np.full((DEPTH + 1, len(values)), NAN)
    for lane, x in enumerate(values):
        newest_first = x[::-1][: DEPTH + 1]
        series[: len(newest_first), lane] = newest_first
    return series


def ask(kernel: Kernel, inputs: list[Floats], *windows: int) -> Floats:
    """The kernel's answers; shape ``(answers, windows, lanes)``."""
    out = np.full((kernel.answers, len(windows), inputs[0].shape[1]), np.inf)  # anything left as it was would show
    kernel.function(*inputs, np.array(windows, dtype=np.int64), out)
    return out


@cache
def answers(kernel: Kernel, inputs: str, windows: tuple[int, ...]) -> Floats:
    """The kernel's answers for all ``pasts``."""
    names = [SERIES.get(name, name) for name in inputs.split()]
    return ask(kernel, [look_back([getattr(past, name) for past in pasts()]) for name in names], *windows)


def check(
    kernel: Kernel, inputs: str, names: str, name: str, *, core: bool = False, windows: tuple[int, ...] = WINDOWS
) -> None:
    """The answer ``name``, one of ``names``, is the formula's for every past and window."""
    found = answers(kernel, inputs, windows)[names.split().index(name)]
    table: dict[str, Callable[[Past, int], float]] = formulas.CORE if core else formulas.ALPHA
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = [[formulas.answer(table, name, window, past) for past in pasts()] for window in windows]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-11)
    assert np.isfinite(expected).sum() > len(pasts()) / 2


def one(kernel: Kernel, *oldest_first: list[float], window: int = 5) -> list[float]:
    """The answers for one symbol whose series are written out."""
    inputs = [look_back([np.array(values, dtype=np.float64)]) for values in oldest_first]
    return [float(value) for value in ask(kernel, inputs, window)[:, 0, 0]]
