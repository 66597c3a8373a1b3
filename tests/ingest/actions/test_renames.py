"""Securities that go on under another symbol, by hand and in the real drops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from afterbell.ingest.actions.renames import RENAMES, find_renames
from afterbell.ingest.revisions import number_revisions
from tests.ingest.actions.test_events import deliver

DAYS = [date(2015, 6, day) for day in (25, 26, 29, 30)]
BEFORE, FIRST = DAYS[1], DAYS[2]
"""The last session under the old symbol, and the first under the new one."""
Bar = tuple[str, date, date, float, int]

GCI: Bar = ("GCI", BEFORE, BEFORE, 37.16, 2_784_600)
TGNA: Bar = ("TGNA", BEFORE, FIRST, 37.16, 2_863_100)
"""Symbol, session, the session of the drop, close, shares."""


def bars(*told: Bar) -> pl.DataFrame:
    rows = [
        {"symbol": symbol, "session": day, "open": 37.09, "high": 37.33, "low": 36.9, "close": close, "volume": shares,
         "revision": 0, "knowledge_time": datetime(by.year, by.month, by.day, 20, 30, tzinfo=UTC),
         "drop_id": f"prices:{by:%Y%m%d}:a"}
        for symbol, day, by, close, shares in told
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"revision": pl.Int32, "volume": pl.Int64})


def delivered(rows: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    return {str(key[0]): part for key, part in rows.partition_by("drop_id", as_dict=True).items()}


def asked(*told: Bar, still: tuple[Bar, ...] = ()) -> list[tuple[Any, ...]]:
    made = bars(*told)
    found = find_renames(made, made.head(0), delivered(bars(*told, *still)))
    assert found.schema == RENAMES
    return found.select("predecessor", "symbol", "session", "previous_session").rows()


def test_the_last_bar_of_another_symbol_that_is_told_no_more_is_a_rename() -> None:
    assert asked(GCI, TGNA) == [("GCI", "TGNA", FIRST, BEFORE)]


def test_it_is_the_same_where_the_lake_has_the_old_bar() -> None:
    made = bars(TGNA)
    found = find_renames(made, bars(GCI), delivered(made))
    assert found.select("predecessor", "symbol").rows() == [("GCI", "TGNA")]
    assert found["knowledge_time"].to_list() == [datetime(2015, 6, 29, 20, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("why", "told", "still"),
    [
        ("the old symbol tells the same bar still: two share classes", (GCI, TGNA), ((*GCI[:2], FIRST, *GCI[3:]),)),
        ("another close", (GCI, (*TGNA[:3], 37.2, TGNA[4])), ()),
        ("far more shares", (GCI, (*TGNA[:4], 9_000_000)), ()),
        ("hardly traded: equal by chance", ((*GCI[:4], 300), (*TGNA[:4], 300)), ()),
        ("two symbols had that bar", (GCI, ("GCX", *GCI[1:]), TGNA), ()),
        ("two symbols begin with it", (GCI, TGNA, ("TGX", *TGNA[1:])), ()),
        ("both were told by one drop", (GCI, ("TGNA", BEFORE, BEFORE, *TGNA[3:])), ()),
    ],
)
def test_what_may_be_two_securities_is_no_rename(why: str, told: tuple[Bar, ...], still: tuple[Bar, ...]) -> None:
    assert asked(*told, still=still) == [], why


def test_a_drop_that_makes_up_for_a_lost_one_renames_nobody() -> None:
    lost = [(f"S{number}", BEFORE, FIRST, 37.16, 5000) for number in range(300)]
    assert asked(GCI, TGNA, *lost) == []


def test_a_run_without_a_new_bar_renames_nobody() -> None:
    assert find_renames(bars(GCI).head(0), bars(GCI), {}).is_empty()
    assert find_renames(bars(GCI).head(0), bars(GCI).head(0), {}).is_empty()


def test_a_bar_of_a_drop_whose_other_bars_are_not_at_hand_is_no_rename() -> None:
    made = bars(GCI, TGNA)
    assert find_renames(made, made.head(0), delivered(bars(GCI))).is_empty()


KNOWN = {
    ("ONNN", "ON", date(2015, 4, 6)), ("ACT", "AGN", date(2015, 6, 15)), ("ZMH", "ZBH", date(2015, 6, 29)),
    ("GCI", "TGNA", date(2015, 6, 29)), ("PYPLV", "PYPL", date(2015, 7, 20)), ("Z", "ZG", date(2015, 8, 17)),
    ("MSG", "MSGN", date(2015, 10, 1)), ("WWWW", "WEB", date(2015, 11, 10)), ("ISIS", "IONS", date(2015, 12, 22)),
    ("IACI", "IAC", date(2016, 1, 21)), ("TPUB", "TRNC", date(2016, 6, 20)),
}  # fmt: skip
"""As the companies announced them."""


@pytest.mark.market
def test_known_renames_of_the_real_drops_are_found_and_no_others_among_their_symbols(market_drops: Path) -> None:
    symbols = sorted({name for old, new, _ in KNOWN for name in (old, new)} | {"AAPL", "MSFT", "NFLX", "GOOG", "GOOGL"})
    told = deliver(market_drops, symbols).drop("by", "drop")
    made = number_revisions(told).drop("known", "late")
    found = find_renames(made, made.head(0), delivered(told))
    assert set(found.select("predecessor", "symbol", "session").rows()) == KNOWN
