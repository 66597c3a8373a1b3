"""Quantiles and ranks."""

from __future__ import annotations

import pytest

from afterbell.features.kernels.order import order
from tests.features.kernels.awkward import NAN, check, one

NAMES = "QTLU QTLD RANK"


@pytest.mark.parametrize("name", NAMES.split())
def test_quantiles_and_ranks_are_the_formulas(name: str) -> None:
    check(order, "close", NAMES, name)


def test_quantiles_by_hand_lie_between_neighbours_in_proportion() -> None:
    upper, lower, rank = one(order, [40.0, 10.0, NAN, 30.0, 20.0])
    assert upper * 20 == pytest.approx(30 + 0.4 * 10)
    assert lower * 20 == pytest.approx(10 + 0.6 * 10)
    assert rank == 2 / 4


def test_one_value_is_all_its_quantiles_and_ranks_first() -> None:
    assert one(order, [7.0]) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("closes", "rank"),
    [
        ([3.0, 3.0, 3.0, 3.0], 2.5 / 4),
        ([1.0, 2.0, 9.0, 2.0], 2.5 / 4),
        ([1.0, 2.0, 3.0], 1.0),
        ([3.0, 2.0, 1.0], 1 / 3),
    ],
    ids=["all equal", "two equal", "the greatest", "the least"],
)
def test_equal_values_share_the_average_of_their_ranks(closes: list[float], rank: float) -> None:
    assert one(order, closes)[2] == rank
