"""Corporate action factors by hand: the vendor's adjusted close of the day before, over its close."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from afterbell.ingest.actions import corporate_actions

T0, T1 = date(2016, 6, 29), date(2016, 6, 30)


def drop(close_0: float, adj_0: float, close_1: float, adj_1: float) -> pl.DataFrame:
    rows = [("S", T0, close_0, adj_0), ("S", T1, close_1, adj_1)]
    return pl.DataFrame(rows, schema=["symbol", "session", "close", "adj_close"], orient="row")


@pytest.mark.parametrize(
    ("bars", "factor", "kind"),
    [
        (drop(100.00, 50.00, 51.00, 51.00), 0.5, "split"),  # 2:1
        (drop(95.23, 47.62, 47.10, 47.10), 47.62 / 95.23, "split"),  # 2:1, rounded to the cent: 0.50005
        (drop(90.00, 60.00, 61.00, 61.00), 2 / 3, "split"),  # 3:2
        (drop(0.31, 6.20, 6.05, 6.05), 20.0, "split"),  # 1:20
        (drop(20.00, 19.50, 19.40, 19.40), 0.975, "dividend"),  # half a dollar
        (drop(20.00, 19.99, 20.00, 20.00), 0.9995, "dividend"),  # one cent
        (drop(20.00, 10.70, 10.60, 10.60), 0.535, "dividend"),  # a spin-off: no ratio of small integers
    ],
)
def test_a_factor_is_derived_with_its_ex_session_and_kind(bars: pl.DataFrame, factor: float, kind: str) -> None:
    assert corporate_actions(bars).rows() == [("S", T1, pytest.approx(factor, abs=1e-12), kind)]


@pytest.mark.parametrize(
    "bars",
    [
        drop(100.00, 100.00, 103.00, 103.00),
        drop(33.33, 11.11, 33.37, 11.12),  # both adjusted by a later 3:1: 1.0003 is rounding, not an action
        drop(7.01, 3.51, 7.03, 3.51),  # likewise 2:1
    ],
)
def test_what_rounding_to_the_cent_explains_is_no_action(bars: pl.DataFrame) -> None:
    assert corporate_actions(bars).is_empty()


def test_a_drop_without_the_session_before_shows_no_action() -> None:
    assert corporate_actions(drop(100.00, 50.00, 51.00, 51.00).filter(pl.col("session") == T1)).is_empty()
