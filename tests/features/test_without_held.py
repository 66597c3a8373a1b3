"""Bars of another security never reach a factor: they are left out of what a task reads."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pytest

from afterbell.features.fill import without_held
from afterbell.features.tables import BAR_COLUMNS, actions_of, bars_of
from afterbell.lake.listings import HOLD_COLUMNS

DAY, NEXT = date(2016, 6, 8), date(2016, 6, 9)
NIGHT = datetime(2016, 6, 9, 20, 30, tzinfo=UTC)
HOLDS = pl.DataFrame([("NEE", NEXT, "wrong_listing", "held", NIGHT, 122.92, 25.01)], schema=HOLD_COLUMNS, orient="row")


def bars(*told: tuple[str, date, float]) -> pa.Table:
    """As a file of the lake is read: symbols as a dictionary."""
    rows = [(symbol, day, NIGHT, 0, close, close, close, close, 100) for symbol, day, close in told]
    columns = dict(zip(BAR_COLUMNS, zip(*rows, strict=True), strict=True))
    kinds = {"session": pa.date32(), "knowledge_time": pa.timestamp("us", "UTC"), "revision": pa.int32(),
             "volume": pa.int64()}  # fmt: skip
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items()}
    return pa.table(arrays | {"symbol": arrays["symbol"].dictionary_encode()})


TOLD = bars(("AAPL", NEXT, 99.0), ("NEE", DAY, 122.92), ("NEE", NEXT, 25.01))


def test_a_held_bar_is_no_bar() -> None:
    found = without_held(TOLD, HOLDS)
    assert sorted(zip(found["symbol"].to_pylist(), found["close"].to_pylist(), strict=True)) == [
        ("AAPL", 99.0),
        ("NEE", 122.92),
    ]
    assert bars_of([found], ("AAPL", "NEE")).values.shape == (5, 2)


@pytest.mark.parametrize("holds", [None, HOLDS.head(0), HOLDS.with_columns(symbol=pl.lit("VNO"))])
def test_where_nothing_is_held_the_table_is_the_same_object(holds: pl.DataFrame | None) -> None:
    assert without_held(TOLD, holds) is TOLD


def test_a_row_about_a_listing_is_no_action() -> None:
    table = pa.table(
        {
            "symbol": ["NEE", "NEE"], "knowledge_time": pa.array([NIGHT] * 2, pa.timestamp("us", "UTC")),
            "ex_session": pa.array([NEXT] * 2, pa.date32()), "factor": [0.99, 1.0],
            "kind": ["dividend", "wrong_listing"],
        }
    )  # fmt: skip
    assert actions_of(table, ("NEE",)).factor.tolist() == [0.99]
