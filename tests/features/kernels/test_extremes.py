"""The greatest and the least, and when they were."""

from __future__ import annotations

import pytest

from afterbell.features.kernels.extremes import extremes
from tests.features.kernels.awkward import DEPTH, NAN, check, one

NAMES = "MAX MIN RSV IMAX IMIN IMXD"


@pytest.mark.parametrize("name", NAMES.split())
def test_extremes_and_their_places_are_the_formulas(name: str) -> None:
    check(extremes, "high low close", NAMES, name)


def places(highs: list[float], lows: list[float] | None = None, window: int = 5) -> list[float]:
    return [found * window for found in one(extremes, highs, lows or highs, highs, window=window)[3:]]


def test_extremes_by_hand() -> None:
    found = one(extremes, [6.0, 9.0, 5.0, 8.0], [4.0, 5.0, 2.0, 4.0], [5.0, 6.0, 4.0, 8.0], window=4)
    assert found == pytest.approx([9 / 8, 2 / 8, 6 / 7, 2 / 4, 3 / 4, -1 / 4])


def test_of_equal_extremes_the_oldest_counts() -> None:
    assert places([1.0, 7.0, 7.0, 1.0, 3.0]) == pytest.approx([2, 1, 1])


def test_places_count_from_the_windows_oldest_session() -> None:
    assert places([99.0, 1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([5, 1, 4])


def test_places_count_from_a_first_bar_that_is_younger_than_the_window() -> None:
    assert places([4.0, 9.0, 5.0]) == pytest.approx([2, 1, 1])
    assert places([4.0]) == pytest.approx([1, 1, 0])


def test_the_oldest_session_without_a_bar_takes_the_place_of_both_extremes() -> None:
    assert places([4.0, NAN, 9.0, NAN, 5.0]) == pytest.approx([2, 2, 0])
    assert places([9.0, 1.0, 5.0, 8.0, NAN, 3.0]) == pytest.approx([4, 4, 0])
    assert one(extremes, *[[4.0, NAN, 9.0, NAN, 5.0]] * 3)[:3] == pytest.approx([9 / 5, 4 / 5, 1 / 5])


def test_a_session_without_a_bar_at_the_windows_begin_is_told_from_one_before_the_listing() -> None:
    assert places([4.0, NAN, 2.0, 3.0, 7.0, 6.0]) == pytest.approx([1, 1, 0])
    assert places([2.0, 3.0, 7.0, 6.0]) == pytest.approx([3, 1, 2])


def test_no_bar_in_all_of_the_look_back_counts_as_not_listed_yet() -> None:
    before = [50.0, *[NAN] * (DEPTH - 2)]
    assert places([*before, 4.0, 9.0, 5.0], window=60) == pytest.approx([2, 1, 1])


def test_a_symbol_at_one_price_is_at_the_bottom_of_its_range() -> None:
    assert one(extremes, [0.3] * 5, [0.3] * 5, [0.3] * 5)[:3] == [1.0, 1.0, 0.0]
