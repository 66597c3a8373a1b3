"""The largest moves that are left, and why they are believed, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.quality import moves

DAYS = [date(2016, 6, day) for day in (6, 7, 8, 9, 10)]


def bar(symbol: str, place: int, close: float, **other: Any) -> dict[str, Any]:
    day = DAYS[place]
    row = {"symbol": symbol, "session": day, "open": close, "high": close * 1.3, "low": close, "close": close}
    known = datetime(2016, 6, 20, place, tzinfo=UTC)
    return row | {"volume": 50_000, "knowledge_time": known, "revision": 0} | other


def quiet(symbol: str, *closes: float) -> list[dict[str, Any]]:
    return [bar(symbol, place, close) for place, close in enumerate(closes)]


def revised(symbol: str, place: int, close: float) -> dict[str, Any]:
    return bar(symbol, place, close, revision=1, knowledge_time=datetime(2016, 6, 21, tzinfo=UTC))


def asked(rows: list[dict[str, Any]], *actions: tuple[str, int, float, str], **other: Any) -> list[dict[str, Any]]:
    told = [
        (symbol, DAYS[place], factor, kind, datetime(2016, 6, 20, number, tzinfo=UTC))
        for number, (symbol, place, factor, kind) in enumerate(actions)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String,
        "knowledge_time": pl.Datetime("us", "UTC"),
    }  # fmt: skip
    found = moves.largest_moves(pl.DataFrame(rows), pl.DataFrame(told, schema=schema, orient="row"), DAYS, **other)
    assert tuple(found.columns) == moves.COLUMNS
    return found.to_dicts()


def test_a_move_is_taken_from_the_adjusted_close_before_and_the_newest_belief() -> None:
    rows = quiet("SPLIT", 100.0, 26.0)
    (row,) = asked(rows, ("SPLIT", 1, 0.5, "split"), ("SPLIT", 1, 0.25, "split"))
    assert (row["session"], row["close_before"], row["close"], row["factor"]) == (DAYS[1], 100.0, 26.0, 0.25)
    assert row["return"] == pytest.approx(0.04)
    assert row["volume_ratio"] == 0.25  # as many shares of the new kind are a quarter of the old
    (withdrawn,) = asked(rows, ("SPLIT", 1, 0.25, "split"), ("SPLIT", 1, 1.0, "split"))
    assert withdrawn["return"] == pytest.approx(-0.74)


def test_the_furthest_come_first_and_the_limit_holds() -> None:
    rows = quiet("A", 10.0, 11.0, 11.0) + quiet("B", 10.0, 5.0, 5.0) + quiet("C", 10.0, 30.0, 30.0)
    assert [row["symbol"] for row in asked(rows, limit=2)] == ["C", "B"]


NARROW = {"high": 61.0, "low": 59.0}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([bar("S", 0, 10.0), bar("S", 2, 30.0)], moves.GAP),
        ([bar("S", 0, 10.0), bar("S", 1, 10.0), revised("S", 1, 30.0)], moves.RESTATED),
        (quiet("S", 10.0, 30.0, 10.1), moves.REVERSED),
        ([bar("S", 0, 10.0, volume=0), bar("S", 1, 30.0)], moves.NO_TRADES),
        (quiet("S", 0.1, 0.3), moves.PENNY),
        ([bar("S", 0, 10.0), bar("S", 1, 30.0, volume=1_000)], moves.THIN),
        ([bar("S", 0, 100.0), bar("S", 1, 60.0) | NARROW], moves.SPIN_OFF),
        ([bar("S", 0, 10.0), bar("S", 1, 3.0, volume=900_000)], moves.NEWS),
        (quiet("S", 10.0, 30.0), moves.UNCONFIRMED),
    ],
)
def test_each_move_has_the_first_reason_that_holds(rows: list[dict[str, Any]], reason: str) -> None:
    assert asked(rows)[0]["reason"] == reason


def test_a_bad_print_is_named_on_the_way_back_too() -> None:
    assert [row["reason"] for row in asked(quiet("S", 10.0, 30.0, 10.0))] == [moves.REVERSED, moves.BACK]


def test_a_factor_that_the_price_does_not_bear_out_and_a_lost_past_are_named() -> None:
    assert asked(quiet("S", 100.0, 60.0), ("S", 1, 0.25, "dividend"))[0]["reason"] == moves.DISAGREES
    lost = pl.DataFrame({"symbol": ["S"], "session": [DAYS[1]]})
    assert asked(quiet("S", 10.0, 30.0), newcomers=lost)[0]["reason"] == moves.NEWCOMER
