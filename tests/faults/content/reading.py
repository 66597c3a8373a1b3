"""What a scenario saw, looked up."""

from __future__ import annotations

from typing import Any

from tests.faults import market
from tests.faults.market import day

Row = dict[str, Any]


def bars(tables: dict[str, Any], symbol: str, number: int) -> list[Row]:
    """The revisions of one bar, oldest first."""
    found = [row for row in tables["market.bars"] if (row["symbol"], row["session"]) == (symbol, str(day(number)))]
    return sorted(found, key=lambda row: row["revision"])


def drop_of(tables: dict[str, Any], number: int) -> Row:
    """The ledger's line of the prices of a session."""
    (found,) = [row for row in tables["raw.drops"] if row["key"] == market.prices_key(number)]
    return dict(found)


def aside(tables: dict[str, Any], number: int) -> list[tuple[str, str]]:
    """Symbol and rule of each line that the drop of a session set aside, bars that repeat for too long left out."""
    rows = [row for row in tables["market.quarantine"] if row["key"] == market.prices_key(number)]
    rows = [row for row in rows if row["rule"] != "stale"]
    return sorted((row["symbol"] or "", row["rule"]) for row in rows)


def rules(tables: dict[str, Any], number: int) -> list[str]:
    return sorted(rule for _, rule in aside(tables, number))


def stopped(seen: dict[str, Any], name: str) -> str:
    """The error of a run that had to stop; it left the lake as it was."""
    found = seen["stops"][name]
    assert found["unmoved"] is True
    return str(found["error"])
