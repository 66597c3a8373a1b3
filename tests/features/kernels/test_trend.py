"""The straight line through the last closes."""

from __future__ import annotations

import pytest

from afterbell.features.kernels.trend import line
from tests.features.kernels.awkward import NAN, check, one

NAMES = "BETA RESI RSQR"


@pytest.mark.parametrize("name", NAMES.split())
def test_the_line_is_the_formulas(name: str) -> None:
    check(line, "close", NAMES, name)


def test_a_line_by_hand() -> None:
    # Through (-2, 1), (-1, 2), (0, 6): slope 5/2, at 0 it is 3 + 5/2 = 11/2, squares 12.5 of 14.
    assert one(line, [1.0, 2.0, 6.0], window=3) == pytest.approx([2.5 / 6, 0.5 / 6, 12.5 / 14])


def test_sessions_without_a_bar_keep_their_place_in_time() -> None:
    assert one(line, [2.0, NAN, NAN, 8.0, 10.0]) == pytest.approx([0.2, 0.0, 1.0])


def test_one_close_has_no_line_and_two_have_one_through_both() -> None:
    assert one(line, [7.0]) == pytest.approx([NAN] * 3, nan_ok=True)
    assert one(line, [4.0, 8.0]) == pytest.approx([0.5, 0.0, 1.0])


def test_a_constant_lies_on_a_level_line_that_explains_nothing() -> None:
    assert one(line, [1 / 3] * 5) == pytest.approx([0.0, 0.0, NAN], nan_ok=True, abs=0)


@pytest.mark.parametrize(("step", "explained"), [(1e-5, NAN), (1.5e-5, 1.0)], ids=["below", "above"])
def test_closes_that_deviate_by_a_fifty_thousandth_or_less_count_as_constant(step: float, explained: float) -> None:
    # Qlib's bound is absolute: the deviation of 0, 1, .. 4 steps is 1.58 steps.
    closes = [1.0 + step * day for day in range(5)]
    assert one(line, closes)[2] == pytest.approx(explained, nan_ok=True)
