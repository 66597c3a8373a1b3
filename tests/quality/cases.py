"""Every kind of rule, with a row that keeps it and a row that breaks it."""

from __future__ import annotations

from typing import Any

Row = tuple[str | None, float | None, float | None, int | None]
GOOD: Row = ("AAPL", 94.3, 95.77, 100)

ROW_RULES: list[tuple[dict[str, Any], Row]] = [
    ({"name": "complete", "kind": "not_null", "columns": ["symbol", "low", "volume"]}, ("AAPL", None, 95.77, 100)),
    ({"name": "positive", "kind": "between", "columns": ["low"], "min": 0, "strict_min": True}, ("AAPL", 0.0, 1.0, 1)),
    ({"name": "ceiling", "kind": "between", "columns": ["low", "high"], "max": 1000}, ("AAPL", 94.3, 1000.01, 100)),
    ({"name": "in_range", "kind": "between", "columns": ["volume"], "min": 0, "max": 1e12}, ("AAPL", 94.3, 95.77, -1)),
    ({"name": "ordered", "kind": "pair_order", "smaller": "low", "larger": "high"}, ("AAPL", 95.78, 95.77, 100)),
    (
        {"name": "allowed", "kind": "matches", "columns": ["symbol"], "pattern": "^[A-Z][A-Z0-9.-]{0,11}$"},
        ("a/b", 1.0, 2.0, 3),
    ),
]  # fmt: skip
COLUMNS = "symbol string, low double, high double, volume bigint, session date, drop_id string"

SET_RULES: list[tuple[dict[str, Any], float, float]] = [
    ({"name": "rows", "kind": "row_count_ratio", "min": 0.8, "max": 1.25}, 0.8, 0.79),
    ({"name": "seen", "kind": "symbol_coverage", "min": 0.9}, 0.95, 0.5),
    ({"name": "aside", "kind": "quarantine_share", "max": 0.02}, 0.0, 0.021),
]
"""A rule, a fact that keeps it and one that breaks it."""
