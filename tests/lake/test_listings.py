"""Bars of another security under a symbol, left out by hand-made rows: what stays, from when on, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from afterbell.lake.listings import HOLD_COLUMNS, is_factor, withhold

DAYS = [date(2016, 6, day) for day in (8, 9, 10, 13, 14)]
Told = tuple[str, int, float, int]


def at(day: int) -> datetime:
    return datetime(2016, 6, day, 20, 30, tzinfo=UTC)


def bars(*told: Told) -> pl.DataFrame:
    rows = [(symbol, DAYS[place], close, at(day)) for symbol, place, close, day in told]
    return pl.DataFrame(rows, schema=["symbol", "session", "close", "knowledge_time"], orient="row")


def rows(*told: tuple[int, str, int]) -> pl.DataFrame:
    """Session, basis and day of rows about NEE, which fell from 122.92 to 25.01."""
    found = [("NEE", DAYS[place], "wrong_listing", basis, at(day), 122.92, 25.01) for place, basis, day in told]
    return pl.DataFrame(found, schema=dict.fromkeys(HOLD_COLUMNS, None) | {
        "symbol": pl.String, "ex_session": pl.Date, "kind": pl.String, "basis": pl.String,
        "knowledge_time": pl.Datetime("us", "UTC"), "close_before": pl.Float64, "close": pl.Float64,
    }, orient="row")  # fmt: skip


WRONG = bars(("NEE", 0, 122.92, 8), ("NEE", 1, 25.01, 9), ("NEE", 2, 25.2, 10), ("AAPL", 1, 25.01, 9))
HOLD = (1, "held", 9)


def left(found: pl.DataFrame) -> list[tuple[object, ...]]:
    return sorted(found.select("symbol", "session", "close").rows())


def test_bars_of_the_wrong_level_are_left_out_and_those_of_others_stay() -> None:
    assert left(withhold(WRONG, rows(HOLD))) == [("AAPL", DAYS[1], 25.01), ("NEE", DAYS[0], 122.92)]


def test_without_a_hold_nothing_changes() -> None:
    assert withhold(WRONG, rows()).equals(WRONG)
    assert withhold(WRONG, rows((0, "held", 8)).with_columns(symbol=pl.lit("VNO"))).equals(WRONG)


def test_a_right_revision_that_was_told_before_stands() -> None:
    told = bars(("NEE", 1, 123.5, 9), ("NEE", 1, 25.01, 10))
    assert left(withhold(told, rows((1, "held", 10)))) == [("NEE", DAYS[1], 123.5)]


def test_the_vendors_return_needs_nobodys_word() -> None:
    back = pl.concat([WRONG, bars(("NEE", 3, 124.0, 13))])
    assert ("NEE", DAYS[3], 124.0) in left(withhold(back, rows(HOLD)))


def test_after_the_return_even_the_low_level_counts_again() -> None:
    crash = pl.concat([WRONG, bars(("NEE", 3, 124.0, 13), ("NEE", 4, 30.0, 14))])
    assert ("NEE", DAYS[4], 30.0) not in left(withhold(crash, rows(HOLD)))
    assert ("NEE", DAYS[4], 30.0) in left(withhold(crash, rows(HOLD, (3, "returned", 13))))


def test_what_was_told_before_the_return_was_known_stays_held() -> None:
    # The night of session 3 told the wrong close, the next one the right one, and with it the return.
    told = pl.concat([WRONG, bars(("NEE", 3, 25.1, 13), ("NEE", 3, 124.0, 14))])
    found = withhold(told, rows(HOLD, (3, "returned", 14)))
    assert ("NEE", DAYS[3], 25.1) not in left(found)
    assert ("NEE", DAYS[3], 124.0) in left(found)


@pytest.mark.parametrize("moment", [9, 10, 13, 14])
def test_a_night_sees_what_all_that_is_known_later_leaves_of_it(moment: int) -> None:
    told = pl.concat([WRONG, bars(("NEE", 3, 25.1, 13), ("NEE", 3, 124.0, 14), ("NEE", 4, 26.0, 14))])
    named = rows(HOLD, (3, "returned", 14), (4, "held", 14), (1, "released", 14))
    known = pl.col("knowledge_time") <= at(moment)
    later = withhold(told, named).filter(known)
    assert left(withhold(told.filter(known), named.filter(known)).filter(known)) == left(later)


@pytest.mark.parametrize("basis", ["explained", "released"])
def test_bars_that_are_found_to_be_right_count_from_then_on(basis: str) -> None:
    found = withhold(WRONG, rows(HOLD, (1, basis, 13)))
    assert left(found) == left(WRONG)
    known = dict(found.filter(pl.col("symbol") == "NEE").select("session", "knowledge_time").rows())
    assert known == {DAYS[0]: at(8), DAYS[1]: at(13), DAYS[2]: at(13)}


def test_what_was_known_before_the_hold_was_known_then() -> None:
    early = bars(("NEE", 1, 25.01, 9))
    assert left(withhold(early, rows((1, "held", 10)))) == [("NEE", DAYS[1], 25.01)]


def test_a_second_hold_after_a_release_is_one_of_its_own() -> None:
    again = rows(HOLD, (1, "released", 10), (3, "held", 13))
    told = pl.concat([WRONG, bars(("NEE", 3, 24.0, 13))])
    assert ("NEE", DAYS[3], 24.0) not in left(withhold(told, again))
    assert ("NEE", DAYS[2], 25.2) in left(withhold(told, again))


def test_rows_about_listings_are_no_factors() -> None:
    kinds = pl.DataFrame({"kind": ["split", "wrong_listing", "dividend"]})
    assert kinds.filter(is_factor())["kind"].to_list() == ["split", "dividend"]
