"""Which symbols a session's own drops told on its night, and what the rules expect of a session."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from afterbell.quality.neighbours import Bounds
from afterbell.quality.presence import Presence, bounds_of
from afterbell.sources.rules import load_rules
from tests.quality.cases import JUMP, rule_set

DAYS = [date(2016, 6, day) for day in (6, 7, 8, 9, 10)]
RULES = {"vendor": load_rules("bars")}


def night(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 20, 30, tzinfo=UTC)


def line(day: date, state: str = "landed", told: date | None = None) -> dict[str, Any]:
    return {"source": "vendor", "session": day, "state": state, "knowledge_time": night(told or day)}


def bar(symbol: str, day: date, by: date, known: date | None = None) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "session": day,
        "drop_id": f"vendor:{by:%Y%m%d}:0123",
        "knowledge_time": night(known or by),
    }


def counted(bars: list[dict[str, Any]], ledger: list[dict[str, Any]]) -> dict[date, tuple[int, int, bool]]:
    presence = Presence(pl.DataFrame(ledger), RULES)
    presence.add(pl.DataFrame(bars), DAYS)
    found = presence.coverage(DAYS, DAYS)
    return {one.session: (one.bars, one.on_night, one.delivered) for one in found}


ALL = [bar(symbol, day, day) for day in DAYS for symbol in "AB" if (symbol, day) != ("B", DAYS[2])]
LEDGER = [line(day) for day in DAYS]


def test_a_bar_that_the_next_drop_brings_was_not_told_on_the_night() -> None:
    found = counted([*ALL, bar("B", DAYS[2], DAYS[3])], LEDGER)
    assert found[DAYS[2]] == (2, 1, True)
    assert found[DAYS[3]] == (2, 2, True)


def test_an_own_drop_that_came_after_the_next_one_told_it_all_the_same() -> None:
    late = [line(day) for day in DAYS if day != DAYS[2]] + [line(DAYS[2], told=DAYS[4])]
    bars = [row for row in ALL if row["session"] != DAYS[2]] + [bar(symbol, DAYS[2], DAYS[3]) for symbol in "AB"]
    assert counted(bars, late)[DAYS[2]] == (2, 2, True)


def test_a_drop_that_could_not_be_used_is_none() -> None:
    ledger = [line(day, "quarantined" if day == DAYS[2] else "landed") for day in DAYS]
    bars = [row for row in ALL if row["session"] != DAYS[2]] + [bar("A", DAYS[2], DAYS[3])]
    assert counted(bars, ledger)[DAYS[2]] == (1, 0, False)


def test_a_source_is_not_asked_before_its_first_drop() -> None:
    assert list(counted([row for row in ALL if row["session"] > DAYS[1]], LEDGER[2:])) == DAYS[2:]


def test_sessions_that_are_added_twice_count_once() -> None:
    presence = Presence(pl.DataFrame(LEDGER), RULES)
    for days in (DAYS[:3], DAYS):
        presence.add(pl.DataFrame([row for row in ALL if row["session"] in days]), days)
    assert [one.bars for one in presence.coverage(DAYS, DAYS)] == [2, 2, 1, 2, 2]


def test_the_bounds_are_those_of_the_rules_on_coverage_and_row_count() -> None:
    assert bounds_of(RULES["vendor"]) == Bounds(0.9, (0.8, 1.25))
    assert bounds_of(rule_set(JUMP)) == Bounds(None, (0.0, float("inf")))


def test_a_session_that_was_not_read_is_not_asked_about() -> None:
    presence = Presence(pl.DataFrame(LEDGER), RULES)
    read = [DAYS[0], DAYS[1], DAYS[4]]
    presence.add(pl.DataFrame([row for row in ALL if row["session"] in read]), read)
    assert [one.session for one in presence.coverage(DAYS, DAYS)] == read
