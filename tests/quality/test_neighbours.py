"""Sessions beside those before and after them, counted by hand: ten symbols, one of them listed late, one delisted."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from afterbell.quality.neighbours import Bounds, Coverage, coverage

FIRST = date(2016, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(24)]
SYMBOLS = [f"S{number}" for number in range(10)]
BOUNDS = Bounds(0.9, (0.8, 1.25))
Told = dict[int, int]


def presence(short: Told, later: Told | None = None) -> pl.DataFrame:
    """All symbols on all days; of ``short`` days the first so many alone, and of ``later`` days so many more later."""
    rows = []
    for at, day in enumerate(DAYS):
        told = short.get(at, len(SYMBOLS))
        more = (later or {}).get(at, 0)
        rows += [(symbol, day, number < told) for number, symbol in enumerate(SYMBOLS) if number < told + more]
    return pl.DataFrame(rows, schema=["symbol", "session", "on_night"], orient="row")


def broken(rows: pl.DataFrame, delivered: dict[date, bool] | None = None) -> dict[int, Coverage]:
    found = coverage("vendor", rows, DAYS, DAYS, delivered or {}, BOUNDS)
    assert [one.session for one in found] == DAYS
    return {DAYS.index(one.session): one for one in found if one.broken(BOUNDS)}


@pytest.mark.parametrize("at", [0, 1, 4, 12, 22, 23])
def test_half_a_session_is_named_wherever_it_stands(at: int) -> None:
    assert list(broken(presence({at: 5}))) == [at]


@pytest.mark.parametrize("at", [0, 12, 23])
def test_what_the_next_drop_brings_hides_nothing(at: int) -> None:
    found = broken(presence({at: 5}, {at: 5}))
    assert list(found) == [at]
    one = found[at]
    assert (one.bars, one.on_night, one.usual) == (10, 5, 10.0)
    assert (one.expected, one.present, one.present_on_night) == (10, 10, 5)
    assert one.missing == ("S5", "S6", "S7", "S8", "S9")
    assert "missing are S5, S6, S7, S8, S9; later drops brought bars of 5 symbols" in one.broken(BOUNDS)[0]


@pytest.mark.parametrize("bad", [range(9, 17), range(8), range(16, 24), [3, 5, 7, 9]])
def test_bad_sessions_side_by_side_do_not_hide_each_other(bad: list[int]) -> None:
    assert list(broken(presence(dict.fromkeys(bad, 5)))) == list(bad)


def test_a_session_without_a_drop_of_its_own_is_named() -> None:
    found = broken(presence({7: 0}, {7: 10}), {DAYS[7]: False})
    assert list(found) == [7]
    assert found[7].broken(BOUNDS) == [
        "it has no usable drop of its own; later drops brought bars of 10 symbols",
    ]


def test_a_session_of_which_nothing_came_at_all_is_named() -> None:
    found = broken(presence({7: 0}), {DAYS[7]: False})
    assert found[7].broken(BOUNDS) == ["it has no usable drop of its own; no later drop brought any of its bars"]


def test_a_listing_and_a_delisting_are_none_of_it() -> None:
    listed = pl.DataFrame([("NEW", day, True) for day in DAYS[10:]], schema=["symbol", "session", "on_night"],
                          orient="row")  # fmt: skip
    gone = pl.DataFrame([("OLD", day, True) for day in DAYS[:12]], schema=["symbol", "session", "on_night"],
                        orient="row")  # fmt: skip
    assert not broken(pl.concat([presence({}), listed, gone]))


def test_one_symbol_in_ten_may_be_missing_and_two_may_not() -> None:
    assert not broken(presence({12: 9}))
    assert list(broken(presence({12: 8}))) == [12]


def test_a_session_with_a_quarter_more_symbols_than_usual_is_named() -> None:
    more = pl.DataFrame([(f"X{n}", DAYS[12], True) for n in range(3)], schema=["symbol", "session", "on_night"],
                        orient="row")  # fmt: skip
    found = broken(pl.concat([presence({}), more]))
    assert "the ratio is 1.3, expected 0.8 to 1.25" in found[12].broken(BOUNDS)[0]


def test_without_rules_only_a_missing_drop_is_named() -> None:
    found = coverage("vendor", presence({3: 1}), DAYS, DAYS, {DAYS[7]: False}, Bounds())
    assert [one.session for one in found if one.broken(Bounds())] == [DAYS[7]]


def test_a_session_alone_has_nothing_to_be_compared_with() -> None:
    rows = presence({}).filter(pl.col("session") == DAYS[0])
    (one,) = coverage("vendor", rows, DAYS[:1], DAYS[:1], {}, BOUNDS)
    assert (one.usual, one.expected, one.broken(BOUNDS)) == (None, 0, [])
