"""Correlations of two series."""

from __future__ import annotations

import math

import pytest

from afterbell.features.kernels.correlation import correlation
from tests.features.kernels.awkward import NAN, check, one


def test_closes_and_volumes_correlate_as_in_the_formulas() -> None:
    check(correlation, "close log_volume", "CORR", "CORR")


def test_moves_of_closes_and_of_volumes_correlate_as_in_the_formulas() -> None:
    check(correlation, "return log_volume_ratio", "CORD", "CORD")


def test_a_correlation_by_hand() -> None:
    # Deviations -1, 0, 1 and -1, 2, -1, then -2, 1, 1.
    assert one(correlation, [1.0, 2.0, 3.0], [1.0, 4.0, 1.0])[0] == pytest.approx(0.0, abs=1e-15)
    assert one(correlation, [1.0, 2.0, 3.0], [1.0, 4.0, 4.0])[0] == pytest.approx(3 / math.sqrt(2 * 6))


def test_a_pair_that_lacks_a_value_is_left_out() -> None:
    found = one(correlation, [1.0, 2.0, 9.0, 3.0, NAN], [1.0, 4.0, NAN, 4.0, 7.0])
    assert found == pytest.approx([3 / math.sqrt(2 * 6)])


def test_one_pair_has_no_correlation_and_two_have_a_whole_one() -> None:
    assert one(correlation, [1.0], [2.0]) == pytest.approx([NAN], nan_ok=True)
    assert one(correlation, [1.0, 2.0], [9.0, 2.0]) == pytest.approx([-1.0])


def test_a_constant_correlates_with_nothing() -> None:
    assert one(correlation, [1 / 3] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([NAN], nan_ok=True)
    assert one(correlation, [1.0, 2.0, 3.0, 4.0, 5.0], [1 / 3] * 5) == pytest.approx([NAN], nan_ok=True)


def test_a_series_that_is_constant_where_both_have_values_correlates_with_nothing() -> None:
    assert one(correlation, [1.0, 5.0, 5.0, 5.0], [NAN, 2.0, 3.0, 4.0]) == pytest.approx([NAN], nan_ok=True)


@pytest.mark.parametrize(("step", "found"), [(1e-5, NAN), (1.5e-5, 1.0)], ids=["below", "above"])
def test_what_deviates_by_a_fifty_thousandth_or_less_counts_as_constant(step: float, found: float) -> None:
    # Qlib's bound is absolute: the deviation of 0, 1, .. 4 steps is 1.58 steps.
    small = [step * day for day in range(5)]
    assert one(correlation, small, [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([found], nan_ok=True)
    assert one(correlation, [1.0, 2.0, 3.0, 4.0, 5.0], small) == pytest.approx([found], nan_ok=True)


def test_the_bound_looks_at_all_values_of_a_series_also_those_without_a_partner() -> None:
    small = [1.0, 1e-5, 2e-5, 3e-5]
    assert one(correlation, small, [NAN, 1.0, 2.0, 3.0]) == pytest.approx([1.0])
