"""Sessions without a bar between two with one: recorded once, when the later bar comes."""

from __future__ import annotations

from datetime import date

import polars as pl

from afterbell.quality.sequence import gaps

DAYS = [date(2016, 6, day) for day in (22, 23, 24, 27, 28, 29, 30)]


def bars(**sessions: list[int]) -> pl.DataFrame:
    rows = [(symbol, DAYS[at]) for symbol, days in sorted(sessions.items()) for at in days]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "session": pl.Date}, orient="row")


def test_a_weekend_is_no_gap() -> None:
    assert gaps(bars(A=[0, 1, 2, 3, 4, 5, 6]), DAYS, DAYS).is_empty()


def test_neither_what_comes_before_the_first_bar_nor_what_comes_after_the_last_is_a_gap() -> None:
    assert gaps(bars(A=[2, 3], B=[5, 6]), DAYS, DAYS).is_empty()


def test_each_gap_is_told_with_its_first_and_last_session() -> None:
    found = gaps(bars(A=[0, 2, 3, 6], B=[0, 1], C=[5, 6]), DAYS, DAYS)
    assert found.rows() == [("A", DAYS[1], DAYS[1], 1), ("A", DAYS[4], DAYS[5], 2)]


def test_a_gap_is_of_the_run_that_brings_the_bar_after_it() -> None:
    known = bars(A=[0, 2, 3, 6])
    assert gaps(known, DAYS, [DAYS[6]]).rows() == [("A", DAYS[4], DAYS[5], 2)]
    assert gaps(known, DAYS, [DAYS[3]]).is_empty()
