"""Bars beside those of the session before: moves and runs, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from afterbell.quality.sequence import Scope, by_symbol, look, moves, newest, runs

DAYS = [date(2016, 6, day) for day in (22, 23, 24, 27, 28, 29, 30)]
SCHEMA = {
    "symbol": pl.String, "session": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Int64, "adj_close": pl.Float64, "knowledge_time": pl.Datetime("us", "UTC"),
    "revision": pl.Int32, "drop_id": pl.String,
}  # fmt: skip
ACTIONS = pl.DataFrame(schema={"symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64})


def drop(at: int) -> str:
    return f"prices:{DAYS[at]:%Y%m%d}:abc"


SCOPE = Scope(DAYS, DAYS, [drop(at) for at in range(len(DAYS))], ["prices"])


def bar(
    symbol: str, at: int, close: float, *, volume: int = 100, told: int | None = None, adjusted: float | None = None
) -> tuple[object, ...]:
    """The bar of session ``at``, as the drop of session ``told`` tells it, its own if left out."""
    by = at if told is None else told
    adj_close = close if adjusted is None else adjusted
    known = datetime(2016, 6, DAYS[by].day, 21, tzinfo=UTC)
    return (symbol, DAYS[at], close, close, close, close, volume, adj_close, known, by - at, drop(by))


def bars(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def factor(symbol: str, at: int, value: float) -> pl.DataFrame:
    row = {"symbol": [symbol], "ex_session": [DAYS[at]], "factor": [value]}
    return pl.DataFrame(row, schema=ACTIONS.schema)


def test_a_move_is_the_ratio_to_the_close_before() -> None:
    (found,) = moves(bars(bar("A", 0, 10.0), bar("A", 1, 12.0)), ACTIONS, SCOPE).iter_rows(named=True)
    assert found == {
        "symbol": "A", "session": DAYS[1], "previous_close": 10.0, "close": 12.0, "adjustment": 1.0,
        "move": pytest.approx(1.2),
    }  # fmt: skip


def test_an_action_explains_a_move_on_its_own_session_only() -> None:
    rows = bars(bar("A", 0, 92.0), bar("A", 1, 10.0))
    (found,) = moves(rows, factor("A", 1, 0.11), SCOPE).iter_rows(named=True)
    assert (found["adjustment"], found["move"]) == (0.11, pytest.approx(10 / (92 * 0.11)))
    (found,) = moves(rows, factor("A", 2, 0.11), SCOPE).iter_rows(named=True)
    assert found["move"] < 0.2


def test_an_adjustment_that_ingest_saw_in_the_drop_explains_a_move_too() -> None:
    rows = bars(bar("A", 0, 92.0), bar("A", 0, 92.0, told=1, adjusted=9.2), bar("A", 1, 9.3))
    (found,) = moves(rows, ACTIONS, SCOPE).iter_rows(named=True)
    assert (found["adjustment"], found["move"]) == (pytest.approx(0.1), pytest.approx(9.3 / 9.2))


def test_a_factor_shown_early_makes_no_jump_of_a_quiet_day() -> None:
    (found,) = moves(bars(bar("A", 0, 0.09), bar("A", 1, 0.10)), factor("A", 1, 25.0), SCOPE).iter_rows(named=True)
    assert (found["adjustment"], found["move"]) == (1.0, pytest.approx(10 / 9))


def test_a_bar_that_a_later_drop_tells_is_confirmed_by_it() -> None:
    # The drop of session 1 was not believed; that of session 2 tells both sessions.
    rows = bars(bar("A", 0, 10.0), bar("A", 1, 1.0, told=2), bar("A", 2, 1.1))
    (found,) = moves(rows, ACTIONS, SCOPE).iter_rows(named=True)
    assert (found["session"], found["previous_close"]) == (DAYS[2], 1.0)


def test_the_close_before_is_the_one_that_was_known() -> None:
    # Session 0 is restated by the drop of session 1, and again, to something odd, by that of session 3.
    rows = bars(bar("A", 0, 10.0), bar("A", 0, 11.0, told=1), bar("A", 0, 99.0, told=3), bar("A", 1, 12.0))
    (found,) = moves(rows, ACTIONS, SCOPE).iter_rows(named=True)
    assert found["previous_close"] == 11.0


@pytest.mark.parametrize(
    "scope",
    [
        replace(SCOPE, comparing=["other"]),  # its drops don't carry the session before
        replace(SCOPE, drops=[drop(0)]),
        replace(SCOPE, judged=DAYS[:1]),
    ],
)
def test_only_what_is_judged_is_compared(scope: Scope) -> None:
    assert moves(bars(bar("A", 0, 10.0), bar("A", 1, 100.0)), ACTIONS, scope).is_empty()


def test_where_the_drop_had_no_session_before_nothing_is_compared() -> None:
    rows = bars(bar("A", 0, 10.0), bar("A", 1, 100.0), bar("B", 0, 10.0), bar("B", 1, 100.0))
    untold = pl.DataFrame({"symbol": ["A"], "session": [DAYS[1]]})
    assert moves(rows, ACTIONS, SCOPE, untold)["symbol"].to_list() == ["B"]


def test_a_gap_is_no_session_before() -> None:
    assert moves(bars(bar("A", 0, 10.0), bar("A", 2, 100.0)), ACTIONS, SCOPE).is_empty()


def test_a_run_counts_equal_bars_in_a_row() -> None:
    rows = [bar("A", at, 10.0) for at in range(4)] + [bar("A", 4, 10.0, volume=99), bar("A", 5, 10.0, volume=99)]
    rows += [bar("Z", at, 10.0, volume=0) for at in range(4)]  # no trade is no staleness
    rows += [bar("G", at, 10.0) for at in (0, 1, 3)]  # the gap ends the run
    found = [(row[0], DAYS.index(row[1]), row[2]) for row in runs(newest(bars(*rows)), SCOPE).iter_rows()]
    assert found == [("A", 1, 1), ("A", 2, 2), ("A", 3, 3), ("A", 5, 1), ("G", 1, 1)]


def test_one_symbols_bars_do_not_continue_anothers_run() -> None:
    assert runs(newest(bars(bar("A", 0, 10.0), bar("B", 1, 10.0))), SCOPE).is_empty()


def test_a_symbol_has_its_farthest_move_and_its_longest_run() -> None:
    first = look(bars(bar("A", 0, 10.0), bar("A", 1, 30.0), bar("A", 2, 10.0), bar("B", 2, 5.0)), ACTIONS, SCOPE)
    later = look(bars(bar("A", 3, 10.0), bar("A", 4, 41.0), bar("A", 5, 41.0), bar("A", 6, 41.0)), ACTIONS, SCOPE)
    found = {row["symbol"]: row for row in by_symbol([first, later]).iter_rows(named=True)}
    assert list(found) == ["A", "B"]
    assert (found["A"]["session"], found["A"]["move"]) == (DAYS[4], pytest.approx(4.1))
    assert (found["A"]["run"], found["A"]["run_session"]) == (2, DAYS[6])
    assert (found["B"]["move"], found["B"]["run"]) == (None, 0)


def test_the_newest_revision_is_the_last_one_known() -> None:
    rows = bars(bar("A", 0, 11.0, told=1), bar("A", 0, 10.0), bar("A", 0, 12.0, told=2))
    assert newest(rows)["close"].to_list() == [12.0]
