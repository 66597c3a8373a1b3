"""A renamed security keeps its history, and one that takes a symbol has none: rows against those of a plain listing."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.features.carried import ancestors
from afterbell.features.fill import slice_rows
from afterbell.features.grid import SessionGrid
from afterbell.features.sets import factor_set
from afterbell.features.slices import HoleSlice
from afterbell.features.tables import BAR_COLUMNS
from afterbell.lake.listings import RENAME_COLUMNS

EXCHANGE = Exchange()
DAYS = EXCHANGE.between(date(2015, 3, 23), date(2015, 6, 30))
LAST = len(DAYS) - 1
MOVED = LAST - 5
"""The first session under the new symbol."""
CORE = factor_set("core")
Told = tuple[str, int, float, int]


def night(place: int) -> datetime:
    return EXCHANGE.close(DAYS[place]) + timedelta(minutes=30)


def close(place: int) -> float:
    return 40.0 + np.sin(place) + place / 50


def bars(*told: Told) -> pa.Table:
    """Symbol, session, close and the night on which it was told."""
    rows = [
        (symbol, DAYS[at], night(by), 0, price * 0.99, price * 1.02, price * 0.97, price, 100_000 + 977 * at)
        for symbol, at, price, by in told
    ]
    columns = dict(zip(BAR_COLUMNS, zip(*rows, strict=True), strict=True))
    kinds = {"session": pa.date32(), "knowledge_time": pa.timestamp("us", "UTC"), "revision": pa.int32(),
             "volume": pa.int64()}  # fmt: skip
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items()}
    return pa.table(arrays | {"symbol": arrays["symbol"].dictionary_encode()})


def listed(symbol: str, first: int, last: int) -> list[Told]:
    return [(symbol, at, close(at), at) for at in range(first, last + 1)]


ACTION = {
    "symbol": pl.String, "knowledge_time": pl.Datetime("us", "UTC"), "ex_session": pl.Date, "factor": pl.Float64,
    "kind": pl.String, "basis": pl.String, "rests_on": pl.String,
}  # fmt: skip


def actions(*told: tuple[str, int, float, str, str, str, int]) -> pl.DataFrame:
    """Symbol, ex-session, factor, kind, basis, what it rests on and the night."""
    rows = [(name, night(by), DAYS[at], factor, kind, basis, on) for name, at, factor, kind, basis, on, by in told]
    return pl.DataFrame(rows, schema=ACTION, orient="row")


RENAMED = ("NEW", MOVED, 1.0, "symbol_renamed", "began", "OLD", MOVED)
DIVIDEND = (MOVED - 3, 0.98, "dividend", "vendor", "vendor", MOVED - 3)


def rows(table: pa.Table, told: pl.DataFrame, first: int = MOVED - 2) -> dict[tuple[str, int], bytes]:
    """The rows of the last sessions, by symbol and place."""
    grid = SessionGrid.of(EXCHANGE, DAYS)
    one = HoleSlice(0, grid, tuple(range(first, LAST + 1)))
    renames = told.filter(pl.col("kind") == "symbol_renamed").select(RENAME_COLUMNS)
    plain = told.select("symbol", "knowledge_time", "ex_session", "factor", "kind", "basis").to_arrow()
    plain = plain.cast(pa.schema([pa.field(each.name, _plain(each.type)) for each in plain.schema]))
    found = {}
    for names, part in slice_rows(one, [table], plain, CORE, None, renames):
        for code, day, values in zip(part.symbol, part.session, part.values.T, strict=True):
            found[names[code], int(np.searchsorted(grid.days, day))] = np.ascontiguousarray(values).tobytes()
    return found


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string(kind) else kind


def test_after_a_rename_rows_are_those_of_a_security_that_had_one_symbol_all_along() -> None:
    split = bars(*listed("OLD", 0, MOVED - 1), ("NEW", MOVED - 1, close(MOVED - 1), MOVED), *listed("NEW", MOVED, LAST))
    found = rows(split, actions(RENAMED, ("OLD", *DIVIDEND)))
    whole = rows(bars(*listed("ONE", 0, LAST)), actions(("ONE", *DIVIDEND)))
    assert {at: row for (name, at), row in found.items() if name == "NEW"} == {
        at: row for (_, at), row in whole.items() if at >= MOVED
    }
    assert {at: row for (name, at), row in found.items() if name == "OLD"} == {
        at: row for (_, at), row in whole.items() if at < MOVED
    }


def test_a_second_rename_goes_on_from_the_first() -> None:
    again = MOVED + 3
    split = bars(*listed("OLD", 0, MOVED - 1), *listed("NEW", MOVED, again - 1), *listed("THIRD", again, LAST))
    found = rows(split, actions(RENAMED, ("THIRD", again, 1.0, "symbol_renamed", "began", "NEW", again)))
    whole = rows(bars(*listed("ONE", 0, LAST)), actions())
    assert [found["THIRD", at] for at in range(again, LAST + 1)] == [whole["ONE", at] for at in range(again, LAST + 1)]


def test_what_the_old_symbol_tells_after_the_rename_is_not_the_new_ones() -> None:
    anew = ("OLD", MOVED - 1, 14.0, MOVED)  # another security's, on the night of the rename
    split = [*listed("OLD", 0, MOVED - 1), *listed("NEW", MOVED, LAST)]
    assert {at: row for (name, at), row in rows(bars(*split, anew), actions(RENAMED)).items() if name == "NEW"} == {
        at: row for (name, at), row in rows(bars(*split), actions(RENAMED)).items() if name == "NEW"
    }


def test_a_rename_that_was_not_known_in_time_is_none() -> None:
    late = ("NEW", MOVED, 1.0, "symbol_renamed", "began", "OLD", MOVED + 1)
    assert ancestors(actions(late), SessionGrid.of(EXCHANGE, DAYS)).is_empty()
    assert ancestors(actions(RENAMED), SessionGrid.of(EXCHANGE, DAYS)).height == 1


@pytest.mark.parametrize("undecided", [False, True])
def test_rows_of_a_security_that_takes_a_symbol_are_those_of_a_new_listing(undecided: bool) -> None:
    taken = ("ONE", MOVED, 1.0, "symbol_reused", "began", "level", MOVED)
    unclear = [("ONE", MOVED, 1.0, "split", "undecided", "price, shares", MOVED)] if undecided else []
    other = [("ONE", at, 37.0 + at / 9, at) for at in range(MOVED)]
    found = rows(bars(*other, *listed("ONE", MOVED, LAST)), actions(taken, *unclear), MOVED)
    fresh = rows(bars(*listed("ONE", MOVED, LAST)), actions(), MOVED)
    assert found == fresh


def test_until_it_is_known_that_another_security_has_taken_the_symbol_rows_go_across() -> None:
    later = ("ONE", MOVED, 1.0, "symbol_reused", "began", "level", MOVED + 2)
    told = bars(*listed("ONE", 0, LAST))
    found, plain = rows(told, actions(later), MOVED), rows(told, actions(), MOVED)
    assert [found["ONE", at] == plain["ONE", at] for at in range(MOVED, LAST + 1)] == [True, True, *[False] * 4]


def test_an_explanation_that_comes_later_makes_it_one_series_again() -> None:
    told = bars(*listed("ONE", 0, MOVED - 1), *[("ONE", at, close(at) / 2, at) for at in range(MOVED, LAST + 1)])
    taken = ("ONE", MOVED, 1.0, "symbol_reused", "began", "level", MOVED)
    split = ("ONE", MOVED, 0.5, "split", "vendor", "vendor", MOVED + 2)
    ended = ("ONE", MOVED, 1.0, "symbol_reused", "withdrawn", "level", MOVED + 2)
    found, plain = rows(told, actions(taken, split, ended), MOVED + 2), rows(told, actions(split), MOVED + 2)
    assert found == plain
