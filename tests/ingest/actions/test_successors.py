"""Symbols that another security has taken, by hand: which evidence begins a new series, and what explains it away."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.ingest.actions.evidence import EVIDENCE
from afterbell.ingest.actions.successors import taken_symbols

DAYS = [date(2015, 6, day) for day in (25, 26, 29, 30)]
SHAPE = {
    "symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String, "basis": pl.String,
    "knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String, "rests_on": pl.String,
}  # fmt: skip


def night(place: int) -> datetime:
    return datetime(2015, 6, DAYS[place].day, 20, 30, tzinfo=UTC)


def seen(place: int, **other: Any) -> dict[str, Any]:
    """GCI on 2015-06-29: 14.13 after 37.16, with more shares than before, and no word of the session before."""
    by = other.pop("by", place)
    row = {
        "symbol": "GCI", "session": DAYS[place], "previous_session": DAYS[place - 1], "factor": 1.0, "blur": None,
        "close_before": 37.16, "volume_before": 2_784_600, "open": 14.37, "high": 14.75, "low": 13.9, "close": 14.13,
        "volume": 8_847_000, "unchanged": False, "volume_told": None, "knowledge_time": night(by),
        "drop_id": f"prices:{DAYS[by]:%Y%m%d}:a",
    }  # fmt: skip
    return row | other


def action(place: int, factor: float, known: int, kind: str = "split", basis: str = "vendor") -> tuple[Any, ...]:
    about = "volume, level; the drop tells nothing of the session before" if basis == "held" else ""
    return "GCI", DAYS[place], factor, kind, basis, night(known), f"prices:{DAYS[known]:%Y%m%d}:a", about


def asked(*rows: dict[str, Any], actions: tuple[tuple[Any, ...], ...] = ()) -> list[tuple[int, str, int]]:
    """The session, the basis and the night of each row."""
    shape = EVIDENCE | {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}
    told = pl.DataFrame(list(actions), schema=SHAPE, orient="row")
    found = taken_symbols(pl.DataFrame(list(rows), schema=shape), told)
    assert (found["kind"] == "symbol_reused").all()
    nights = [night(place) for place in range(len(DAYS))]
    return [
        (DAYS.index(row["ex_session"]), row["basis"], nights.index(row["knowledge_time"]))
        for row in found.iter_rows(named=True)
    ]


def test_a_far_price_whose_drop_tells_nothing_of_the_session_before_is_another_securitys() -> None:
    assert asked(seen(2)) == [(2, "began", 2)]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("the drop tells both sessions: a crash", {"blur": 0.0}),
        ("the vendor has lost the past for nothing", {"close": 36.0}),
        ("a later drop told the bar", {"by": 3}),
        ("the lake has no bar before: a listing", {"close_before": None}),
    ],
)
def test_what_may_be_the_same_security_stays_one_series(why: str, change: dict[str, Any]) -> None:
    assert asked(seen(2, **change)) == [], why


def test_a_split_that_is_known_with_the_bar_explains_it() -> None:
    assert asked(seen(2), actions=(action(2, 0.38, 2),)) == []


def test_a_split_that_is_shown_later_withdraws_it_from_then_on() -> None:
    assert asked(seen(2), actions=(action(2, 0.38, 3),)) == [(2, "began", 2), (2, "withdrawn", 3)]


def test_a_move_that_may_have_been_a_split_explains_nothing() -> None:
    assert asked(seen(2), actions=(action(2, 1.0, 2, basis="undecided"),)) == [(2, "began", 2)]


def test_a_persons_word_about_the_session_has_the_last_word() -> None:
    said = action(2, 1.0, 3, kind="none", basis="person")
    assert asked(seen(2), actions=(said,)) == [(2, "began", 2), (2, "withdrawn", 3)]


def test_a_bar_that_is_held_begins_a_series_only_when_a_person_has_released_it() -> None:
    held = action(2, 1.0, 2, kind="wrong_listing", basis="held")
    assert asked(seen(2), actions=(held,)) == []
    released = action(2, 1.0, 3, kind="wrong_listing", basis="released")
    assert asked(seen(2), actions=(held, released)) == [(2, "began", 3)]
    assert asked(actions=(held, released)) == [(2, "began", 3)]  # by a later run


def test_what_the_lake_has_is_not_told_twice_and_is_withdrawn_by_a_later_run() -> None:
    began = action(2, 1.0, 2, kind="symbol_reused", basis="began")
    assert asked(seen(2), actions=(began,)) == []
    assert asked(actions=(began, action(2, 0.38, 3))) == [(2, "withdrawn", 3)]
    withdrawn = action(2, 1.0, 3, kind="symbol_reused", basis="withdrawn")
    assert asked(actions=(began, action(2, 0.38, 3), withdrawn)) == []
