"""Bars that repeat the session before for too long, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from afterbell.ingest.actions.evidence import EVIDENCE
from afterbell.ingest.stale import judge, stale_keys

DAYS = [date(2016, 6, day) for day in (20, 21, 22, 23, 24)]
EVENING = datetime(2016, 6, 20, 20, 30, tzinfo=UTC)


def evidence(symbol: str, *sessions: int, source: str = "prices") -> pl.DataFrame:
    rows = [
        {
            "symbol": symbol, "session": DAYS[n], "previous_session": DAYS[n - 1], "unchanged": True,
            "knowledge_time": EVENING + timedelta(days=n), "drop_id": f"{source}:{n}",
        }
        for n in sessions
    ]  # fmt: skip
    stamp = {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}
    return pl.DataFrame(rows, schema=dict(EVIDENCE) | stamp)


def bars(*told: tuple[int, int, float, int]) -> pl.DataFrame:
    """Session, volume, adjusted close and revision of each."""
    rows = [
        {
            "symbol": "S", "session": DAYS[n], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": volume,
            "adj_close": adj, "revision": revision, "drop_id": f"prices:{n + revision}",
        }
        for n, volume, adj, revision in told
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"revision": pl.Int32})


NOTHING = pl.DataFrame(schema={"raw": pl.String})


def keys(*sessions: int) -> pl.DataFrame:
    rows = [{"symbol": "S", "session": DAYS[n], "limit": 3} for n in sessions]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "session": pl.Date, "limit": pl.Int32})


def test_only_the_repeats_from_the_limit_on_are_stale_and_a_gap_begins_anew() -> None:
    shown = pl.concat([evidence("S", 1, 2, 3, 4), evidence("T", 1, 2, 4)])
    assert stale_keys(shown, {"prices": 3}).rows() == [("S", DAYS[3], 3), ("S", DAYS[4], 3)]


def test_every_source_has_a_limit_of_its_own() -> None:
    shown = pl.concat([evidence("S", 1, 2, 3), evidence("T", 1, 2, 3, source="other")])
    assert stale_keys(shown, {"prices": 3, "other": 4}).rows() == [("S", DAYS[3], 3)]


def test_a_stale_bar_is_set_aside_and_its_neighbours_stay() -> None:
    stays, aside = judge(bars((2, 50, 1.0, 0), (3, 50, 1.0, 0)), keys(3), NOTHING)
    assert (stays["session"].to_list(), aside["session"].to_list()) == ([DAYS[2]], [DAYS[3]])
    assert aside["raw"].to_list() == ["S,2016-06-23,1.0,1.0,1.0,1.0,50,1.0"]


def test_a_bar_told_anew_is_taken_and_numbered_as_if_it_were_the_first() -> None:
    stays, aside = judge(bars((3, 50, 1.0, 0), (3, 70, 1.0, 1)), keys(3), NOTHING)
    assert stays.select("volume", "revision").rows() == [(70, 0)]
    assert aside["volume"].to_list() == [50]


def test_a_further_drop_that_repeats_what_was_set_aside_adds_nothing() -> None:
    _, aside = judge(bars((3, 50, 1.0, 0)), keys(3), NOTHING)
    stays, again = judge(bars((3, 50, 1.0, 0)), keys(3), aside.select("raw"))
    assert (stays.height, again.height) == (0, 0)


def test_day_by_day_sets_aside_what_all_at_once_does() -> None:
    first, second = (3, 50, 1.0, 0), (3, 50, 0.5, 1)
    at_once = judge(bars(first, second), keys(3), NOTHING)[1]["raw"].to_list()
    one = judge(bars(first), keys(3), NOTHING)[1]
    two = judge(bars((3, 50, 0.5, 0)), keys(3), one.select("raw"))[1]
    assert at_once == [*one["raw"].to_list(), *two["raw"].to_list()]
