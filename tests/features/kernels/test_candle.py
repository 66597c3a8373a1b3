"""The session's own candle, and values some sessions ago."""

from __future__ import annotations

import pytest

from afterbell.features.kernels.candle import back, back_traded, candle, gap
from tests.features.kernels.awkward import NAN, check, one

SHAPES = "KMID KLEN KMID2 KUP KUP2 KLOW KLOW2 KSFT KSFT2"
AGO = (0, 1, 5, 59, 60)


@pytest.mark.parametrize("name", SHAPES.split())
def test_a_candle_has_the_formulas_shape(name: str) -> None:
    check(candle, "open high low close", SHAPES, name, windows=(0,))


def test_a_candle_by_hand() -> None:
    found = one(candle, [10.0], [12.0], [9.0], [11.0], window=0)
    assert found == pytest.approx([0.1, 0.3, 1 / 3, 0.1, 1 / 3, 0.1, 1 / 3, 0.1, 1 / 3])


def test_a_session_at_one_price_has_a_candle_of_zeros() -> None:
    assert one(candle, [0.1], [0.1], [0.1], [0.1], window=0) == [0.0] * 9


@pytest.mark.parametrize(
    ("series", "name"),
    [("open", "OPEN"), ("high", "HIGH"), ("low", "LOW"), ("close", "CLOSE"), ("close", "ROC"), ("typical", "VWAP")],
)
def test_a_price_sessions_ago_stands_over_the_close(series: str, name: str) -> None:
    check(back, f"{series} close", name, name, windows=AGO)


def test_a_volume_sessions_ago_stands_over_the_newest_one() -> None:
    check(back_traded, "volume volume", "VOLUME", "VOLUME", windows=AGO)


def test_a_session_without_a_bar_is_not_replaced_by_the_one_before() -> None:
    assert one(back, [10.0, NAN, 20.0], [10.0, NAN, 20.0], window=1) == pytest.approx([NAN], nan_ok=True)
    assert one(back, [10.0, NAN, 20.0], [10.0, NAN, 20.0], window=2) == [0.5]


def test_a_volume_over_none_is_huge_and_none_over_none_is_nothing() -> None:
    assert one(back_traded, [3.0, 0.0], [3.0, 0.0], window=1) == pytest.approx([3e12])
    assert one(back_traded, [0.0, 0.0], [0.0, 0.0], window=1) == [0.0]


def test_the_move_overnight_is_from_the_close_before() -> None:
    check(gap, "open close", "GAP", "GAP", core=True, windows=(0,))
    assert one(gap, [9.0, 11.0], [10.0, 12.0], window=0) == pytest.approx([0.1])
    assert one(gap, [9.0, NAN, 11.0], [10.0, NAN, 12.0], window=0) == pytest.approx([NAN], nan_ok=True)
