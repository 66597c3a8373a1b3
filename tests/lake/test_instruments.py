"""Which security a symbol stood for, from hand-made rows of the log."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from afterbell.ingest.instruments import CHANGES
from afterbell.lake.instruments import periods

NIGHT = datetime(2015, 6, 29, 20, 30, tzinfo=UTC)
BEFORE, FIRST = date(2015, 6, 26), date(2015, 6, 29)
ROWS = pl.DataFrame(
    [
        ("GCI", "GCI", None, BEFORE, None, "renamed", NIGHT, "a"),
        ("GCI", "TGNA", FIRST, None, "GCI", "renamed", NIGHT, "a"),
        ("GCI@20150629", "GCI", FIRST, None, None, "taken", NIGHT, "a"),
    ],
    schema=CHANGES,
    orient="row",
)
NAMES = pl.DataFrame(
    [("GCI", "Gannett (old)", date(2015, 3, 23)), ("GCI", "Gannett", date(2015, 7, 6)),
     ("TGNA", "TEGNA", date(2015, 7, 6))],
    schema=["symbol", "name", "valid_from"],
    orient="row",
)  # fmt: skip


def told(rows: pl.DataFrame, names: pl.DataFrame | None = None) -> list[tuple[object, ...]]:
    columns = ("symbol", "instrument", "name", "first_session", "last_session", "predecessor")
    return periods(rows, names).select(columns).rows()


def test_an_instrument_has_a_row_for_each_symbol_with_its_name_then() -> None:
    assert told(ROWS, NAMES) == [
        ("GCI", "GCI", "Gannett (old)", None, BEFORE, None),
        ("TGNA", "GCI", "TEGNA", FIRST, None, "GCI"),
        ("GCI", "GCI@20150629", "Gannett", FIRST, None, None),
    ]
    assert [row[2] for row in told(ROWS)] == [None, None, None]


def test_a_symbol_that_was_not_taken_after_all_has_no_row_of_another() -> None:
    ended = pl.DataFrame([("GCI", "GCI", FIRST, None, None, "withdrawn", NIGHT, "b")], schema=CHANGES, orient="row")
    assert told(pl.concat([ROWS[2:], ended])) == []
