"""Who is who, by hand: what a symbol stands for after renames and after others have taken it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from afterbell.ingest.actions.renames import RENAMES
from afterbell.ingest.instruments import CHANGES, instrument_changes

TAKEN = {"symbol": pl.String, "ex_session": pl.Date, "basis": pl.String, "knowledge_time": pl.Datetime("us", "UTC"),
         "drop_id": pl.String}  # fmt: skip


def day(number: int) -> date:
    return date(2016, 6, number)


def night(number: int) -> datetime:
    return datetime(2016, 6, number, 20, 30, tzinfo=UTC)


def renames(*told: tuple[str, str, int]) -> pl.DataFrame:
    """New symbol, old symbol and the first session under the new one."""
    rows = [(new, old, day(at), day(at - 1), night(at), f"prices:201606{at:02}:a") for new, old, at in told]
    return pl.DataFrame(rows, schema=RENAMES, orient="row")


def taken(*told: tuple[str, int, str, int]) -> pl.DataFrame:
    rows = [(symbol, day(at), basis, night(by), f"prices:201606{by:02}:a") for symbol, at, basis, by in told]
    return pl.DataFrame(rows, schema=TAKEN, orient="row")


def changes(known: pl.DataFrame, new: pl.DataFrame, others: pl.DataFrame) -> list[tuple[object, ...]]:
    found = instrument_changes(known, new, others)
    assert found.schema == CHANGES
    return [
        (row["instrument"], row["symbol"], row["first_session"] and row["first_session"].day,
         row["last_session"] and row["last_session"].day, row["predecessor"], row["basis"])
        for row in found.iter_rows(named=True)
    ]  # fmt: skip


NOBODY = CHANGES.to_frame()


def test_a_renamed_security_stays_one_and_who_takes_its_symbol_is_another() -> None:
    assert changes(NOBODY, renames(("TGNA", "GCI", 29)), taken(("GCI", 29, "began", 29))) == [
        ("GCI", "GCI", None, 28, None, "renamed"),
        ("GCI", "TGNA", 29, None, "GCI", "renamed"),
        ("GCI@20160629", "GCI", 29, None, None, "taken"),
    ]


def test_a_chain_of_renames_is_one_instrument_whether_it_is_told_at_once_or_night_by_night() -> None:
    both = changes(NOBODY, renames(("DDAY", "VGGL", 8), ("FNCX", "DDAY", 13)), taken())
    first = instrument_changes(NOBODY, renames(("DDAY", "VGGL", 8)), taken())
    assert (
        changes(NOBODY, renames(("DDAY", "VGGL", 8)), taken()) + changes(first, renames(("FNCX", "DDAY", 13)), taken())
        == both
    )
    assert both[-1] == ("VGGL", "FNCX", 13, None, "DDAY", "renamed")


def test_who_took_a_symbol_keeps_its_own_name_under_the_next_one() -> None:
    first = instrument_changes(NOBODY, renames(), taken(("GCI", 8, "began", 8)))
    assert changes(first, renames(("GCX", "GCI", 20)), taken()) == [
        ("GCI@20160608", "GCI", None, 19, None, "renamed"),
        ("GCI@20160608", "GCX", 20, None, "GCI", "renamed"),
    ]


def test_a_symbol_that_was_not_taken_after_all_stands_for_what_it_stood_for() -> None:
    first = instrument_changes(NOBODY, renames(), taken(("GCI", 8, "began", 8)))
    assert changes(first, renames(), taken(("GCI", 8, "withdrawn", 9))) == [("GCI", "GCI", 8, None, None, "withdrawn")]


def test_what_is_there_is_not_told_again() -> None:
    events = renames(("TGNA", "GCI", 29)), taken(("GCI", 29, "began", 29))
    assert changes(instrument_changes(NOBODY, *events), *events) == []
