"""The money that a portfolio has room for, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from afterbell.evaluation.capacity import capacity


def test_a_trade_is_at_most_its_share_of_the_volume() -> None:
    positions, dollars = np.array([[0.5, 0.5, -1.0]]), np.array([[1e6, 1e6, 4e6]])
    # Half a leg in symbols of a million, one leg in one of four: 1 % of their volume is 10,000 of half a leg.
    assert capacity(positions, 1, dollars, 0.01) == pytest.approx(20_000)


def test_a_tenth_of_the_value_may_need_longer() -> None:
    positions, dollars = np.array([[0.95, 0.05, -0.95, -0.05]]), np.array([[9.5e6, 1.0, 9.5e6, 1.0]])
    assert capacity(positions, 1, dollars, 0.01) == pytest.approx(100_000)
    dollars[0, 2] = 1.0
    assert capacity(positions, 1, dollars, 0.01) == pytest.approx(0.01 / 0.95)


def test_portfolios_side_by_side_trade_a_part_each_and_what_is_kept_is_not_traded() -> None:
    positions = np.array([[1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [1.0, -1.0, 0.0]])
    dollars = np.tile([[1e9, 1e6, 2e6]], (4, 1))
    # Five sessions a portfolio would be five times the money; here two. The first two sessions build both legs, the
    # third trades the second symbol for the third, the last trades nothing: 20,000 three times.
    assert capacity(positions, 2, dollars, 0.01) == pytest.approx(20_000)


def test_without_a_known_volume_there_is_no_figure() -> None:
    assert np.isnan(capacity(np.array([[1.0, -1.0]]), 1, np.full((1, 2), np.nan), 0.01))
    assert np.isnan(capacity(np.zeros((3, 2)), 1, np.ones((3, 2)), 0.01))
