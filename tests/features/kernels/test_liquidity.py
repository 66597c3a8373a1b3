"""How much is traded, and what a trade moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.features.compiled import Kernel
from afterbell.features.kernels.liquidity import (
    dollar_volume,
    illiquidity,
    log_volume_ratio,
    log_volume_score,
    traded_level,
    volatility_ratio,
)
from tests.features.kernels.awkward import NAN, check, one

WINDOWS = {"VOLR": (20, 60), "DVOL": (20,), "ILLIQ": (20,)}


@pytest.mark.parametrize(
    ("kernel", "inputs", "names", "name"),
    [
        (traded_level, "volume", "VMA VSTD", "VMA"),
        (traded_level, "volume", "VMA VSTD", "VSTD"),
        (log_volume_ratio, "volume log_volume", "LVR", "LVR"),
        (log_volume_score, "log_volume", "LVZ", "LVZ"),
        (dollar_volume, "dollars", "DVOL", "DVOL"),
        (illiquidity, "impact", "ILLIQ", "ILLIQ"),
        (volatility_ratio, "return", "VOLR", "VOLR"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() and " " not in value else "",
)
def test_a_volume_factor_is_the_formulas(kernel: Kernel, inputs: str, names: str, name: str) -> None:
    check(kernel, inputs, names, name, core=True, windows=WINDOWS.get(name, (5, 20, 60)))


@pytest.mark.parametrize(
    "kernel", [traded_level, log_volume_score, dollar_volume, illiquidity], ids=lambda kernel: kernel.name
)
def test_less_than_half_a_window_gives_no_value(kernel: Kernel) -> None:
    assert math.isfinite(one(kernel, [1.0, 2.0, 4.0], window=6)[0])
    assert math.isnan(one(kernel, [2.0, 4.0], window=6)[0])
    assert math.isnan(one(kernel, [1.0, NAN, NAN, NAN, 2.0, 4.0], window=7)[0])


def test_a_ratio_of_volatilities_needs_half_of_both_windows() -> None:
    calm = [0.01, -0.01] * 5
    assert math.isfinite(one(volatility_ratio, [*calm, 0.02, NAN, NAN, 0.01], window=16)[0])
    assert math.isnan(one(volatility_ratio, [*calm, NAN, NAN, NAN, 0.01], window=16)[0])
    assert math.isnan(one(volatility_ratio, [0.01, -0.01, 0.02, -0.02], window=16)[0])


def test_a_session_without_volume_has_no_level_but_a_log_ratio() -> None:
    volumes = [100.0, 100.0, 100.0, 100.0, 0.0]
    assert one(traded_level, volumes) == pytest.approx([NAN, NAN], nan_ok=True)
    assert one(log_volume_ratio, volumes, np.log1p(volumes).tolist()) == pytest.approx([math.log(1 / 81)])


def test_volume_twice_its_mean_is_recovered_from_the_log_ratio() -> None:
    volumes = [1e6] * 19 + [2e6]
    ratio = one(log_volume_ratio, volumes, np.log1p(volumes).tolist(), window=20)[0]
    assert ratio == pytest.approx(math.log(2e6 / 1.05e6), abs=1e-6)


def test_a_log_volume_by_hand_lies_as_many_deviations_above_its_mean() -> None:
    assert one(log_volume_score, [1.0, 2.0, 6.0], window=3) == pytest.approx([3 / math.sqrt(7)])


def test_dollars_and_impact_by_hand() -> None:
    assert one(dollar_volume, [1e6, 3e6], window=2) == pytest.approx([math.log(2e6 + 1)])
    assert one(illiquidity, [1e-6, 3e-6], window=2) == pytest.approx([math.log(3)])
    assert one(illiquidity, [0.0, 0.0], window=2) == [0.0]


def test_volatility_that_doubled_by_hand() -> None:
    # About a mean of zero: variances of 8e-4 / 1 of the last two, of 14e-4 / 7 of all eight.
    returns = [0.01, -0.01] * 3 + [0.02, -0.02]
    assert one(volatility_ratio, returns, window=8) == pytest.approx([2.0])


@pytest.mark.parametrize("kernel", [log_volume_score, volatility_ratio], ids=lambda kernel: kernel.name)
def test_what_never_moved_has_no_score(kernel: Kernel) -> None:
    assert math.isnan(one(kernel, [0.1] * 8, window=8)[0])
