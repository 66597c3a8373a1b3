"""Changes of the symbol master: new, renamed, used again and delisted."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from afterbell.ingest.symbols import EVENTS
from afterbell.quality.listings import CHANGES, symbol_changes

FIRST, SECOND, THIRD = (date(2016, 6, day) for day in (28, 29, 30))


def events(*rows: tuple[str, str, date, str]) -> pl.DataFrame:
    told = [
        (symbol, name, day, status, datetime(day.year, day.month, day.day, 20, 30, tzinfo=UTC), f"symbols:{day}")
        for symbol, name, day, status in rows
    ]
    return pl.DataFrame(told, schema=EVENTS, orient="row")


LOG = events(
    ("OLD", "Old Co", FIRST, "listed"),
    ("STAYS", "Stays Co", FIRST, "listed"),
    ("OLD", "Old Co", SECOND, "delisted"),
    ("STAYS", "Stays Inc", SECOND, "renamed"),
    ("NEW", "New Co", SECOND, "listed"),
    ("OLD", "Another Co", THIRD, "listed"),
)


def changes(added: pl.DataFrame) -> list[tuple[object, ...]]:
    found = symbol_changes(LOG, added)
    assert tuple(found.columns) == CHANGES
    return found.rows()


def test_a_symbol_that_another_company_takes_over_is_used_again() -> None:
    assert changes(LOG.filter(pl.col("valid_from") == THIRD)) == [
        ("OLD", THIRD, "used again", "Another Co", "Old Co", SECOND)
    ]


def test_a_new_one_a_rename_and_a_delisting_are_told_apart() -> None:
    assert changes(LOG.filter(pl.col("valid_from") == SECOND)) == [
        ("NEW", SECOND, "new", "New Co", None, None),
        ("OLD", SECOND, "delisted", "Old Co", None, None),
        ("STAYS", SECOND, "renamed", "Stays Inc", "Stays Co", None),
    ]


def test_the_first_master_of_all_is_no_change() -> None:
    assert [row[0] for row in changes(LOG)] == ["OLD", "NEW", "OLD", "STAYS"]


def test_without_new_events_there_is_no_change() -> None:
    assert changes(LOG.head(0)) == []
    assert symbol_changes(LOG.head(0), LOG.head(0)).is_empty()
