"""A session's facts, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import get_args

import polars as pl
import pytest

from afterbell.quality.facts import SessionRows, fact, missing_symbols, trailing
from afterbell.sources.set_rules import Fact, SetRule
from tests.quality.cases import DAY

DAYS = [date(2016, 6, day) for day in (22, 23, 24, 27, 28, 29)]


def bars(*rows: tuple[str, date, int, bool]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "session": pl.Date, "volume": pl.Int64, "repeats": pl.Boolean}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


BEFORE = [(symbol, day, 100, False) for day in DAYS for symbol in "ABCD"] + [("N", DAYS[0], 100, False)]
HERE = [("A", DAY, 100, True), ("B", DAY, 0, False), ("C", DAY, 100, False), ("X", DAY, 100, False)]
ROWS = SessionRows(
    session=DAY,
    calendar=DAYS,
    bars=bars(*BEFORE, *HERE),
    lines={"rows": 95, "quarantined": 2, "collapsed": 3},
    held=["H"],
)
NOTHING = replace(ROWS, bars=bars(*BEFORE), lines={}, held=())
TOO_EARLY = replace(ROWS, calendar=DAYS[:4])


def rule(kind: str, sessions: int = 20) -> SetRule:
    return SetRule.model_validate({"name": "rule", "kind": kind, "severity": "fail", "max": 1, "sessions": sessions})


@pytest.mark.parametrize(
    ("kind", "rows", "value"),
    [
        ("row_count_ratio", ROWS, 4 / 4),  # A, B, C, X; the median of 5, 4, 4, 4, 4, 4
        ("row_count_ratio", NOTHING, 0.0),
        ("row_count_ratio", TOO_EARLY, None),
        ("symbol_coverage", ROWS, 3 / 4),  # of A to D, D is missing; N was there once only
        ("symbol_coverage", replace(ROWS, delisted=["D"]), 3 / 3),
        ("symbol_coverage", TOO_EARLY, None),
        ("quarantine_share", ROWS, 2 / 100),
        ("quarantine_share", NOTHING, None),
        ("duplicate_share", ROWS, 3 / 100),
        ("duplicate_share", NOTHING, None),
        ("jump_share", ROWS, 1 / 5),  # H was held, beside the four that have a bar
        ("jump_share", NOTHING, None),
        ("stale_share", ROWS, 1 / 4),
        ("stale_share", NOTHING, None),
        ("zero_volume_share", ROWS, 1 / 4),
        ("zero_volume_share", NOTHING, None),
    ],
)
def test_a_sessions_facts_are_these(kind: str, rows: SessionRows, value: float | None) -> None:
    assert fact(rule(kind), rows) == (None if value is None else pytest.approx(value))


def test_only_the_sessions_that_a_rule_names_are_compared_with() -> None:
    thinner = bars(*BEFORE, *HERE).filter((pl.col("session") > DAYS[0]) | (pl.col("symbol") == "A"))
    rows = replace(ROWS, bars=thinner)
    assert fact(rule("row_count_ratio", sessions=5), rows) == pytest.approx(4 / 4)
    assert fact(rule("row_count_ratio", sessions=4), rows) is None  # four sessions are too few to tell


def test_missing_symbols_are_named() -> None:
    assert missing_symbols(ROWS, 5) == (["D"], 4)


def test_every_kind_of_rule_has_its_fact() -> None:
    for kind in get_args(Fact):
        fact(rule(kind), ROWS)


def test_the_sessions_before_stand_beside_the_session() -> None:
    last = trailing(ROWS).row(-1, named=True)
    assert last == {"session": DAY, "bars": 4, "without_volume": 0.25, "repeating": 0.25}
    assert trailing(ROWS)["bars"].to_list() == [5, 4, 4, 4, 4, 4, 4]
