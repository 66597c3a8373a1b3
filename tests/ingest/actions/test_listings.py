"""Another security's bars under a symbol: which evidence begins a hold and which ends one, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.evidence import EVIDENCE
from afterbell.ingest.actions.listings import LISTINGS, wrong_listings
from tests.ingest.actions.test_events import Lake, deliver

DAYS = [date(2016, 6, day) for day in (8, 9, 10, 13, 14, 15, 16)]
ACTIONS = pl.DataFrame(
    schema={
        "symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String, "basis": pl.String,
        "knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String,
    }
)  # fmt: skip


def night(place: int) -> datetime:
    day = DAYS[place]
    return datetime(day.year, day.month, day.day, 20, 30, tzinfo=UTC)


def seen(place: int, before: float, close: float, **other: Any) -> dict[str, Any]:
    """Evidence of its own night, of a symbol whose past the drop lacks; a tenth of the shares of before."""
    by = other.pop("by", place)
    row = {
        "symbol": "NEE", "session": DAYS[place], "previous_session": DAYS[place - 1], "factor": 1.0, "blur": None,
        "close_before": before, "volume_before": 1_000_000, "open": close, "high": close, "low": close, "close": close,
        "volume": 100_000, "unchanged": False, "volume_told": None, "knowledge_time": night(by),
        "drop_id": f"prices:{DAYS[by]:%Y%m%d}:a",
    }  # fmt: skip
    return row | other


def action(place: int, factor: float, known: int, kind: str = "split", basis: str = "vendor") -> tuple[Any, ...]:
    return "NEE", DAYS[place], factor, kind, basis, night(known), f"prices:{DAYS[known]:%Y%m%d}:a"


def asked(*rows: dict[str, Any], actions: tuple[tuple[Any, ...], ...] = (), **other: Any) -> list[tuple[Any, ...]]:
    evidence = pl.DataFrame(list(rows), schema=EVIDENCE | {"knowledge_time": pl.Datetime("us", "UTC"),
                                                            "drop_id": pl.String})  # fmt: skip
    told = pl.DataFrame(list(actions), schema=ACTIONS.schema, orient="row")
    earlier = other.pop("earlier", LISTINGS.to_frame())
    found = wrong_listings(evidence, told, earlier, **other)
    assert (found["kind"] == "wrong_listing").all()
    assert (found["factor"] == 1.0).all()
    return [(DAYS.index(row[0]), row[1]) for row in found.select("ex_session", "basis").rows()]


NEWCOMER = seen(1, 122.92, 25.01)
RESTATED = seen(1, 122.92, 25.01, blur=0.0, by=2)


@pytest.mark.parametrize("row", [NEWCOMER, RESTATED])
def test_a_lost_past_and_a_close_told_otherwise_begin_a_hold(row: dict[str, Any]) -> None:
    assert asked(row) == [(1, "held")]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("the drop tells both sessions: a crash", {"blur": 0.0, "close": 45.0}),
        ("news bring shares: more dollars than before", {"volume": 30_000_000}),
        ("a quarter of the dollars is enough", {"volume": 1_300_000}),
        ("a step of less than half", {"close": 85.0}),
        ("hardly traded before", {"volume_before": 100}),
    ],
)
def test_what_may_be_right_is_not_held(why: str, change: dict[str, Any]) -> None:
    assert asked(NEWCOMER | change) == [], why


ALONE = seen(1, 48.11, 4.78, blur=0.01, volume=900_000)
"""A tenth of the price and as many shares, beside the bar before."""


def test_a_bar_in_other_units_is_held_though_its_drop_has_the_bar_before() -> None:
    assert asked(ALONE) == [(1, "held")]
    assert asked(ALONE, seen(2, 4.78, 49.27, blur=0.01)) == [(1, "held"), (2, "returned")]
    assert asked(ALONE | {"close": 17.0, "volume": 400_000}) == []


def test_a_close_that_goes_back_to_where_it_was_is_not() -> None:
    rise = seen(1, 4.8, 48.11, blur=0.01, volume=9_000_000)
    assert asked(rise, seen(3, 48.11, 4.78, blur=0.01, volume=900_000)) == []
    # The lake has the rise, from a night before.
    schema = EVIDENCE | {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}
    known = pl.DataFrame([rise], schema=schema)
    assert asked(seen(3, 48.11, 4.78, blur=0.01, volume=900_000), known=known) == []
    # A lost past speaks louder.
    assert asked(rise, seen(3, 48.11, 4.78, volume=900_000)) == [(3, "held")]


def test_a_level_above_is_held_as_one_below() -> None:
    assert asked(seen(1, 25.0, 122.0, volume=1_000)) == [(1, "held")]


def test_what_an_action_explains_is_not_held() -> None:
    assert asked(NEWCOMER, actions=(action(1, 0.2, 1),)) == []
    assert asked(NEWCOMER, actions=(action(1, 1.0, 1, basis="undecided"),)) == []
    assert asked(NEWCOMER, actions=(action(1, 0.99, 1, kind="dividend"),)) == [(1, "held")]


def test_an_action_that_becomes_known_later_ends_it() -> None:
    assert asked(NEWCOMER, actions=(action(1, 0.2, 2),)) == [(1, "held"), (1, "explained")]


def test_the_vendors_return_ends_it_whatever_shows_it() -> None:
    back = seen(4, 25.3, 124.0, blur=0.01, volume=9_000_000)
    assert asked(NEWCOMER, back) == [(1, "held"), (4, "returned")]
    assert asked(NEWCOMER, seen(4, 25.3, 31.0, blur=0.01)) == [(1, "held")]


def test_one_hold_at_a_time() -> None:
    assert asked(NEWCOMER, seen(3, 122.92, 26.0, by=4, blur=0.0)) == [(1, "held")]


def test_a_persons_release_is_a_row_of_its_own_time_and_the_next_wrong_level_another_hold() -> None:
    releases = {("NEE", DAYS[1]): night(2)}
    assert asked(NEWCOMER, releases=releases) == [(1, "held"), (1, "released")]
    third = seen(5, 25.0, 2.0)
    assert asked(NEWCOMER, third, releases=releases) == [(1, "held"), (1, "released"), (5, "held")]


def test_a_release_of_what_is_not_held_says_nothing() -> None:
    assert asked(NEWCOMER, releases={("NEE", DAYS[3]): night(4), ("VNO", DAYS[1]): night(2)}) == [(1, "held")]


STORY = (
    NEWCOMER,
    seen(3, 25.3, 124.0, blur=0.0, by=4, volume=9_000_000),
    seen(5, 124.0, 24.0, by=6, blur=0.0, volume=900),
)


def test_night_by_night_leaves_the_rows_of_one_run() -> None:
    schema = EVIDENCE | {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}
    evidence = pl.DataFrame(list(STORY), schema=schema)
    releases = {("NEE", DAYS[5]): night(6)}
    whole = wrong_listings(evidence, ACTIONS, LISTINGS.to_frame(), releases)
    lake = LISTINGS.to_frame()
    for _, rows in evidence.group_by("knowledge_time", maintain_order=True):
        earlier = evidence.filter(pl.col("knowledge_time") < rows["knowledge_time"].min())
        lake = pl.concat([lake, wrong_listings(rows, ACTIONS, lake, releases, earlier)])
    assert lake.equals(whole)
    assert whole["basis"].to_list() == ["held", "returned", "held", "released"]
    # The same evidence again, as after a crash between two tables' publishing, changes nothing.
    assert wrong_listings(evidence, ACTIONS, lake, releases).is_empty()


REAL = {
    # symbol: sessions from which on another security's bars are held, and the vendor's return. Read from the raw drops.
    "NEE": [("2016-06-09", "held")],  # NextEra at 122.92, then a listing at 25.01 with a tenth of the dollars
    "VNO": [("2015-06-29", "held"), ("2015-06-30", "returned")],  # 94.89, told as 23.78, then 94.93 again
    "TCO": [("2015-09-21", "held"), ("2015-12-16", "returned"), ("2016-01-19", "held"), ("2016-03-15", "returned"),
            ("2016-03-16", "held"), ("2016-06-10", "returned")],  # its preferred shares at 25, for 60 sessions
    "SSE": [("2015-03-26", "held"), ("2015-04-01", "returned"), ("2015-04-10", "held"), ("2015-04-13", "returned"),
            ("2015-04-24", "held"), ("2015-04-29", "returned"), ("2015-05-04", "held"), ("2015-05-05", "returned"),
            ("2015-05-07", "held"), ("2015-05-08", "returned"), ("2015-05-21", "held"), ("2015-05-22", "returned")],
    "SHAK": [("2015-09-04", "held"), ("2015-09-08", "returned")],  # 48.11, 4.781, 49.27, with as many shares
    "LLEX": [],  # 0.62, 3.15 for a day, 0.73: it went back
    "AAPL": [],
    "NFLX": [],  # split 7 for 1
    "CMRX": [],  # fell by 81 % on a failed trial
}  # fmt: skip


@pytest.mark.market
def test_the_real_drops_show_these_wrong_listings_and_no_others(market_drops: Any) -> None:
    lake = Lake()
    rows = deliver(market_drops, sorted(REAL))
    lake.run(rows)
    found = wrong_listings(lake.shown, lake.actions, LISTINGS.to_frame())
    told = found.sort("symbol", "ex_session").select("symbol", pl.col("ex_session").cast(pl.String), "basis")
    for symbol, expected in REAL.items():
        assert told.filter(pl.col("symbol") == symbol).select("ex_session", "basis").rows() == expected, symbol
    assert Exchange("XNYS").is_session(found["ex_session"].min())  # type: ignore[arg-type]
