"""A split read from price and shares alone, by hand: days as feeds have them, and what is right of each."""

from __future__ import annotations

from typing import Any

import pytest

from afterbell.ingest.actions.inference import split_from_price


def read(before: tuple[float, int], prices: tuple[float, ...], volume: int, **more: Any) -> Any:
    """What a day says: close and shares before; open, high, low, close, or one price for all; shares."""
    opened, high, low, close = prices if len(prices) == 4 else prices * 4
    bar = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return split_from_price(close_before=before[0], volume_before=before[1], **bar, **more)


@pytest.mark.parametrize(
    ("before", "prices", "volume", "factor"),
    [
        ((100.0, 1_000_000), (50.2,), 2_050_000, 1 / 2),
        ((2450.0, 100_000), (124.8,), 2_000_000, 1 / 20),
        ((2450.0, 100_000), (123.0, 126.0, 122.0, 124.8), 2_000_000, 1 / 20),
        ((0.40, 600_000), (24.3,), 10_000, 60.0),
        ((0.40, 600_000), (23.8, 24.9, 23.3, 24.3), 10_000, 60.0),
        ((99.0, 300_000), (33.2, 33.5, 32.8, 33.1), 900_000, 1 / 3),
        ((316.68, 860_700), (63.37, 65.03, 63.37, 64.25), 2_587_700, 1 / 5),  # CF, 2015-06-18
        ((52.17, 163_800), (26.20, 26.83, 25.63, 25.92), 454_400, 1 / 2),  # SJI, 2015-05-08
        ((84.70, 103_400), (43.99, 43.99, 42.28, 43.42), 146_200, 1 / 2),  # EXPO, 2015-06-05
        ((85.97, 2_439_800), (45.27, 45.43, 42.49, 43.54), 11_944_100, 1 / 2),  # UA, 2016-04-08
        ((0.42, 107_900), (4.20, 4.29, 4.10, 4.10), 9_500, 10.0),  # SMT, 2016-05-12
    ],
)
def test_a_ratio_is_read_where_open_close_and_shares_agree(
    before: tuple[float, int], prices: tuple[float, ...], volume: int, factor: float
) -> None:
    found = read(before, prices, volume)
    assert found.factor == pytest.approx(factor)
    assert 0.6 < found.confidence < 1.0


@pytest.mark.parametrize(
    ("before", "prices", "volume"),
    [
        ((100.0, 100_000), (60.0, 61.0, 44.0, 45.0), 4_000_000),  # a crash
        ((40.0, 100_000), (20.1,), 5_000_000),  # one that lands on the ratio
        ((80.0, 100_000), (40.0,), 900_000),  # four and a half times the dollars
        ((20.0, 100_000), (41.0,), 2_000_000),  # bought at twice the price
        ((48.11, 391_700), (4.73, 4.86, 4.67, 4.78), 349_900),  # another unit for a day: nobody splits to less than 5
        ((22.86, 60_000), (33.0, 36.0, 31.0, 33.61), 1_600_000),  # news (QURE, 2015-04-06)
        ((4.01, 900), (1.00,), 4_000),  # hardly traded before
        ((0.286, 24_100), (0.66, 0.66, 0.31, 0.56), 18_900),  # a warrant that was traded at the old price as well
        ((100.0, 100_000), (90.0,), 100_000),
    ],
)
def test_news_are_no_split(before: tuple[float, int], prices: tuple[float, ...], volume: int) -> None:
    assert read(before, prices, volume) is None


@pytest.mark.parametrize(
    ("before", "prices", "volume"),
    [
        ((1.00, 650_000), (6.5,), 100_000),  # 6, 6.5 or 7
        ((1.00, 250_000), (8.8, 9.4, 8.0, 8.3), 30_000),  # 8, 9 or 10
        ((6.13, 5_400), (100.0,), 100),  # 15, 16 or 20, of a single deal (FFBCW, 2016-01-25)
        (
            (23.93, 2_859_400),
            (7.48, 7.87, 7.43, 7.74),
            12_896_400,
        ),  # 0.3135, a merger's exchange ratio (GPT, 2015-12-17)
    ],
)
def test_a_ratio_that_cannot_be_told_from_its_neighbours_is_not_made_up(
    before: tuple[float, int], prices: tuple[float, ...], volume: int
) -> None:
    found = read(before, prices, volume)
    assert found.factor is None
    assert found.confidence > 0.6


def test_where_the_vendor_lost_the_past_a_reverse_split_is_likelier_and_a_forward_one_is_two_for_one() -> None:
    # NSPH, 1:20 on 2015-04-09: so few shares are traded that the day alone would leave it open.
    day = ((0.24, 1_966_300), (5.14, 5.14, 4.20, 4.48), 151_200)
    assert read(*day, newcomer=True).factor == 20.0
    assert read(*day, newcomer=True).confidence >= read(*day).confidence
    third = ((99.0, 300_000), (33.2, 33.5, 32.8, 33.1), 900_000)
    assert read(*third).factor == pytest.approx(1 / 3)
    assert read(*third, newcomer=True) is None
