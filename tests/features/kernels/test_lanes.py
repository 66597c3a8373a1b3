"""What holds for every kernel of bars: each lane for itself, each window for itself, none beyond its window."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

from afterbell.features import kernels
from afterbell.features.compiled import Kernel
from afterbell.features.factors import Factor
from afterbell.features.sets import SETS
from tests.features.formulas import Floats
from tests.features.kernels.awkward import SERIES, WINDOWS, ask, look_back, pasts

OF_BARS = [factors for _, factors in sorted(SETS.items()) if factors.source is None]
CALLS = {(each.kernel.name, each.inputs): each for factors in OF_BARS for each in factors.computed}
WINDOWED = [factor for factor in CALLS.values() if factor.window]


def named(factor: Factor) -> str:
    return f"{factor.kernel.name}-{factor.inputs[0]}"


def looks(factor: Factor) -> list[Floats]:
    return [look_back([getattr(past, SERIES.get(name, name)) for past in pasts()]) for name in factor.inputs]


def some(series: list[Floats], lanes: slice) -> list[Floats]:
    return [np.ascontiguousarray(one[:, lanes]) for one in series]


@pytest.mark.parametrize("factor", CALLS.values(), ids=named)
def test_a_lane_answers_the_same_bits_alone_and_among_others(factor: Factor) -> None:
    series = looks(factor)
    windows = WINDOWS if factor.window else (0,)
    together = ask(factor.kernel, series, *windows)
    for lane in range(0, together.shape[2], 7):
        alone = ask(factor.kernel, some(series, slice(lane, lane + 1)), *windows)
        assert alone[:, :, 0].tobytes() == together[:, :, lane].tobytes()


@pytest.mark.parametrize("factor", WINDOWED, ids=named)
def test_a_window_answers_the_same_bits_alone_and_among_others(factor: Factor) -> None:
    series = looks(factor)
    together = ask(factor.kernel, series, *WINDOWS)
    for at, window in enumerate(WINDOWS):
        assert ask(factor.kernel, series, window)[:, 0].tobytes() == together[:, at].tobytes()


@pytest.mark.parametrize("factor", CALLS.values(), ids=named)
def test_no_value_beyond_a_window_and_the_session_before_it_is_looked_at(factor: Factor) -> None:
    series = looks(factor)
    window = 20 if factor.window else 0
    plain = ask(factor.kernel, series, window)
    for one in series:
        one[window + 2 :] *= 3.7  # but where the values begin may be asked
    assert ask(factor.kernel, series, window).tobytes() == plain.tobytes()


def test_every_kernel_there_is_belongs_to_a_set() -> None:
    rooms = [import_module(f"{kernels.__name__}.{found.name}") for found in iter_modules(kernels.__path__)]
    declared = {each.name for room in rooms for each in vars(room).values() if isinstance(each, Kernel)}
    used = {factor.kernel.name for factors in SETS.values() for factor in factors.computed}
    crossed = [cross for factors in SETS.values() for cross in factors.crossed]
    used |= {cross.kernel.name for cross in crossed} | {cross.within.kernel.name for cross in crossed if cross.within}
    assert declared == used
