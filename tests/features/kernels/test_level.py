"""Means and standard deviations."""

from __future__ import annotations

import numpy as np
import pytest

from afterbell.features.kernels.level import dispersion, moments, price_level, volume_level
from tests.features.kernels.awkward import NAN, check, look_back, one


@pytest.mark.parametrize("name", ["MA", "STD"])
def test_prices_have_the_formulas_mean_and_deviation(name: str) -> None:
    check(price_level, "close", "MA STD", name)


@pytest.mark.parametrize("name", ["VMA", "VSTD"])
def test_volumes_have_the_formulas_mean_and_deviation(name: str) -> None:
    check(volume_level, "volume", "VMA VSTD", name)


def test_the_dispersion_of_moves_weighted_by_volume_is_the_formulas() -> None:
    check(dispersion, "flow", "WVMA", "WVMA")


def test_values_that_are_not_there_are_neither_counted_nor_zero() -> None:
    found = np.empty((3, 2, 1))
    moments(look_back([np.array([4.0, NAN, 1.0, 3.0, NAN])]), np.array([3, 5]), found)
    assert found[:, :, 0].tolist() == [[2, 3], [2.0, pytest.approx(8 / 3)], [2.0, pytest.approx(7 / 3)]]


def test_no_value_has_no_mean_and_one_has_no_deviation() -> None:
    found = np.empty((3, 2, 1))
    moments(look_back([np.array([8.0, NAN])]), np.array([1, 2]), found)
    np.testing.assert_array_equal(found[:, :, 0], [[0, 1], [NAN, 8.0], [NAN, NAN]])


@pytest.mark.parametrize("price", [0.1, 1 / 3, 1e9 + 0.1])
def test_a_constant_does_not_deviate_at_all(price: float) -> None:
    assert one(price_level, [5.0, *[price] * 60], window=60) == [1.0, 0.0]
    assert one(volume_level, [price] * 7, window=7)[1] == 0.0


def test_the_deviation_of_large_values_that_hardly_differ_is_not_lost() -> None:
    near = [1e9 + step for step in (0.0, 1.0, 2.0, 3.0, 4.0)]
    assert one(price_level, near)[1] * near[-1] == pytest.approx(np.sqrt(2.5), rel=1e-12)


def test_volumes_over_none_are_huge_and_none_over_none_is_nothing() -> None:
    assert one(volume_level, [2.0, 4.0, 0.0], window=3) == pytest.approx([2e12, 2e12])
    assert one(volume_level, [0.0] * 5) == [0.0, 0.0]


def test_what_never_moved_is_not_dispersed() -> None:
    assert one(dispersion, [NAN, 0.0, 0.0, 0.0]) == [0.0]
    assert one(dispersion, [NAN, 3.0]) == pytest.approx([NAN], nan_ok=True)
