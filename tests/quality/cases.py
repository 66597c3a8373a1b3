"""Every kind of rule, with a row that keeps it and a row that breaks it."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from afterbell.sources.rules import RuleSet

DAY = date(2016, 6, 30)
Row = dict[str, Any]
GOOD: Row = {"symbol": "AAPL", "low": 94.3, "high": 95.77, "close": 95.6, "volume": 100}
GOOD |= {"previous_close": 94.4, "adjustment": 1.0, "move": 95.6 / 94.4, "run": 0}
SCHEMA: dict[str, Any] = {
    "symbol": pl.String, "low": pl.Float64, "high": pl.Float64, "close": pl.Float64, "volume": pl.Int64,
    "previous_close": pl.Float64, "adjustment": pl.Float64, "move": pl.Float64, "run": pl.Int64,
    "session": pl.Date, "drop_id": pl.String,
}  # fmt: skip

ROW_RULES: list[tuple[Row, Row]] = [
    ({"name": "complete", "kind": "not_null", "columns": ["symbol", "low", "volume"]}, {"low": None}),
    ({"name": "positive", "kind": "between", "columns": ["low"], "min": 0, "strict_min": True}, {"low": 0.0}),
    ({"name": "ceiling", "kind": "between", "columns": ["low", "high"], "max": 1000}, {"high": 1000.01}),
    ({"name": "in_range", "kind": "between", "columns": ["volume"], "min": 0, "max": 1e12}, {"volume": -1}),
    ({"name": "ordered", "kind": "pair_order", "smaller": "low", "larger": "high"}, {"low": 95.78}),
    ({"name": "allowed", "kind": "matches", "columns": ["symbol"], "pattern": "^[A-Z][A-Z0-9.-]{0,11}$"},
     {"symbol": "a/b"}),
]  # fmt: skip
"""A rule, and what a row that breaks it has instead of ``GOOD``'s values."""

JUMP: Row = {"name": "jump", "kind": "jump", "limit": 5}
JUMPS: list[tuple[str, Row, bool]] = [
    ("five times is believed", {"close": 50.0, "previous_close": 10.0}, True),
    ("more than five times is not", {"close": 50.01, "previous_close": 10.0}, False),
    ("a fifth is believed", {"close": 2.0, "previous_close": 10.0}, True),
    ("less than a fifth is not", {"close": 1.99, "previous_close": 10.0}, False),
    ("a change of unit, a hundred times", {"close": 9560.0, "previous_close": 94.4}, False),
    ("a split of ten for one explains a tenth", {"close": 9.5, "previous_close": 95.0, "adjustment": 0.1}, True),
    ("nothing to compare with", {"close": 9560.0, "previous_close": None}, True),
    ("a previous close of nothing", {"close": 9560.0, "previous_close": 0.0}, True),
    ("no close", {"close": None, "previous_close": 94.4}, True),
]
"""What it is, the values, and whether they keep the rule ``JUMP``."""

STALE: Row = {"name": "stale", "kind": "stale", "warn_sessions": 3, "limit": 5}

SET_RULES: list[tuple[Row, float, float]] = [
    ({"name": "rows", "kind": "row_count_ratio", "min": 0.8, "max": 1.25}, 0.8, 0.79),
    ({"name": "seen", "kind": "symbol_coverage", "min": 0.9}, 0.95, 0.5),
    ({"name": "aside", "kind": "quarantine_share", "max": 0.02}, 0.0, 0.021),
    ({"name": "twice", "kind": "duplicate_share", "max": 0.01}, 0.0002, 0.66),
    ({"name": "jumping", "kind": "jump_share", "max": 0.01}, 0.0007, 0.5),
    ({"name": "repeating", "kind": "stale_share", "max": 0.05}, 0.001, 1.0),
    ({"name": "idle", "kind": "zero_volume_share", "max": 0.05}, 0.0377, 0.0504),
]
"""A rule, a fact that keeps it and one that breaks it."""


def rule_set(*rules: Row, severity: str = "quarantine", **more: object) -> RuleSet:
    """``rules``, all of one severity."""
    return RuleSet.model_validate({"name": "cases", "rules": [rule | {"severity": severity} | more for rule in rules]})


def frame(*changes: Row) -> pl.DataFrame:
    """A row for each of ``changes``: ``GOOD`` with other values; the rows are of one session and drop."""
    rows = [GOOD | {"session": DAY, "drop_id": "prices:20160630:0"} | change for change in changes]
    return pl.DataFrame(rows, schema=SCHEMA)
