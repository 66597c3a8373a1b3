"""Ranks, robust scores and groups of one session against pandas and SciPy, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from afterbell.features.compiled import Kernel
from afterbell.features.grid import Floats, Ints
from afterbell.features.kernels.section import equal_parts, robust_score, share_below

RNG = np.random.default_rng(3)
SYMBOLS = 500


def answers(kernel: Kernel, values: Floats, groups: Ints, parts: int) -> Floats:
    out = np.empty(len(values))
    kernel.function(values, np.argsort(values), groups, parts, out)
    return out


def codes(values: list[float], parts: int) -> list[int]:
    section, out = np.array(values), np.empty(len(values), dtype=np.int64)
    equal_parts.function(section, np.argsort(section), parts, out)
    return out.tolist()


@pytest.fixture(scope="module")
def section() -> Floats:
    """Values with ties, and one in ten missing."""
    values = np.round(RNG.normal(size=SYMBOLS), 1)
    values[RNG.random(SYMBOLS) < 0.1] = np.nan
    return values


@pytest.fixture(scope="module")
def sectors() -> Ints:
    """Group codes of uneven groups, the last of them empty; -1 for symbols of no group."""
    return RNG.choice(np.array([-1, 0, 1, 2, 3]), SYMBOLS, p=[0.1, 0.5, 0.3, 0.08, 0.02]).astype(np.int64)


def by_group(section: Floats, sectors: Ints) -> pd.core.groupby.SeriesGroupBy:
    return pd.Series(section).groupby(pd.Series(sectors).where(sectors >= 0))


def test_a_share_is_the_rank_of_pandas_with_mean_ranks_of_equal_values(section: Floats) -> None:
    found = answers(share_below, section, np.zeros(SYMBOLS, dtype=np.int64), 1)
    np.testing.assert_array_equal(found, pd.Series(section).rank(pct=True).to_numpy())


def test_a_share_within_groups_is_the_rank_of_pandas_within_each(section: Floats, sectors: Ints) -> None:
    found = answers(share_below, section, sectors, 5)
    np.testing.assert_array_equal(found, by_group(section, sectors).rank(pct=True).to_numpy())


def test_a_score_is_the_distance_from_the_median_in_scaled_median_deviations(section: Floats) -> None:
    found = answers(robust_score, section, np.zeros(SYMBOLS, dtype=np.int64), 1)
    scale = stats.median_abs_deviation(section, scale="normal", nan_policy="omit")
    expected = np.clip((section - np.nanmedian(section)) / scale, -3, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_score_within_groups_takes_each_groups_own_median_and_spread(section: Floats, sectors: Ints) -> None:
    found = answers(robust_score, section, sectors, 5)
    grouped = by_group(section, sectors)
    scale = grouped.transform(lambda x: stats.median_abs_deviation(x, scale="normal", nan_policy="omit"))
    expected = ((pd.Series(section) - grouped.transform("median")) / scale).clip(-3, 3)
    np.testing.assert_allclose(found, expected.where(scale > 0).to_numpy(), rtol=1e-12)


def test_an_outlier_counts_as_three_deviations() -> None:
    found = answers(robust_score, np.array([1.0, 2.0, 3.0, 4.0, 1e9, -1e9, 2.5]), np.zeros(7, dtype=np.int64), 1)
    assert (found[4], found[5], found[6]) == (3.0, -3.0, 0.0)


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0, 5.0, 9.0], [math.nan, math.nan]])
def test_where_most_values_are_equal_there_is_no_score(values: list[float]) -> None:
    assert np.isnan(answers(robust_score, np.array(values), np.zeros(len(values), dtype=np.int64), 1)).all()


def test_a_symbol_alone_in_its_group_has_all_of_it_at_or_below() -> None:
    groups = np.array([0, 1, -1])
    assert answers(share_below, np.array([7.0, 3.0, 5.0]), groups, 2)[:2].tolist() == [1.0, 1.0]
    assert math.isnan(answers(share_below, np.array([7.0, 3.0, 5.0]), groups, 2)[2])


@pytest.mark.parametrize(
    ("values", "parts", "expected"),
    [
        ([30.0, 10.0, 50.0, 20.0, 40.0], 5, [2, 0, 4, 1, 3]),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 5, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
        ([1.0, math.nan, 2.0], 2, [0, -1, 1]),
        ([4.0, 4.0, 4.0, 4.0], 5, [3, 3, 3, 3]),  # their mean rank 2.5 of 4 lies in the fourth fifth
        ([1.0], 5, [4]),
        ([math.nan], 5, [-1]),
    ],
)
def test_equal_parts_hold_equally_many_and_never_part_equal_values(
    values: list[float], parts: int, expected: list[int]
) -> None:
    assert codes(values, parts) == expected


@pytest.mark.parametrize("kernel", [share_below, robust_score], ids=lambda kernel: kernel.name)
def test_the_order_of_symbols_shows_in_no_bit(section: Floats, sectors: Ints, kernel: Kernel) -> None:
    shuffle = RNG.permutation(SYMBOLS)
    found = answers(kernel, section[shuffle], sectors[shuffle], 5)
    assert found.tobytes() == answers(kernel, section, sectors, 5)[shuffle].tobytes()
