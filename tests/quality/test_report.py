"""The quality report: what it says of a made-up run, as JSON and as a page."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.cluster.job import StepArgs
from afterbell.ingest.sources.source import load_source
from afterbell.quality.audit import Report
from afterbell.quality.judge import Judgement
from afterbell.quality.look import Found
from afterbell.quality.page import render
from afterbell.quality.report import build_report
from afterbell.quality.whole_sessions import SourceFacts
from tests.quality.cases import DAY, JUMP, STALE, Row, rule_set

NASTY = "<script>alert('x')</script>"
KNOWN = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
BEFORE = date(2016, 6, 29)


def drop(key: str, state: str, rows: int, quarantined: int, reason: str | None = None) -> Row:
    return {
        "drop_id": f"us_daily_prices:{key}", "source": "us_daily_prices", "key": key, "session": DAY, "state": state,
        "rows": rows, "quarantined": quarantined, "collapsed": 0, "reason": reason,
    }  # fmt: skip


def reject(rule: str, symbol: str, line: int, session: date = DAY, key: str = "a") -> Row:
    return {
        "drop_id": f"us_daily_prices:{key}", "source": "us_daily_prices", "key": key, "session": session, "line": line,
        "symbol": symbol, "rule": rule, "reason": "expected better", "raw": NASTY,
    }  # fmt: skip


@pytest.fixture
def judgement() -> Judgement:
    """Two drops; three lines set aside, one jump held, one of the day before told again; a split and a dividend."""
    rules = rule_set(JUMP, STALE, {"name": "row_count", "kind": "row_count_ratio", "min": 0.8})
    (row_count,) = rules.set_rules()
    symbol_session = {"symbol": pl.String, "session": pl.Date}
    found = Found(
        ledger=pl.DataFrame([drop("a", "landed", 100, 4), drop("b", "quarantined", 0, 0, NASTY)]),
        rejects=pl.DataFrame(
            [
                reject("field_count", "A", 2),
                reject("field_count", "B", 3),
                reject("jump", "HELD", 4),
                reject("stale", "SAME", 5),
                reject("jump", "AGAIN", 9, BEFORE, "of yesterday"),
            ]
        ),
        actions=pl.DataFrame(
            [
                {"symbol": "A", "ex_session": DAY, "factor": 0.5, "kind": "split", "basis": "vendor",
                 "knowledge_time": KNOWN},
                {"symbol": "B", "ex_session": BEFORE, "factor": 0.99, "kind": "dividend", "basis": "vendor",
                 "knowledge_time": KNOWN},
            ]
        ),
        facts=[
            SourceFacts(
                "us_daily_prices",
                DAY,
                {row_count: 0.5},
                {},
                pl.DataFrame({"session": [BEFORE, DAY], "bars": [10, 5], "without_volume": 0.0, "repeating": 0.0}),
                ["GONE"],
            )
        ],
        repeats=pl.DataFrame([("SLOW", DAY, 3), ("QUICK", DAY, 2)], schema=symbol_session | {"run": pl.UInt32},
                             orient="row"),
        gaps=pl.DataFrame({"symbol": ["GAPPY"], "first": [BEFORE], "last": [BEFORE], "sessions": [1]}),
        idle=pl.DataFrame([("IDLE", DAY)], schema=symbol_session, orient="row"),
        confirmed=pl.DataFrame([("AGAIN", BEFORE, 1.0, "d")], orient="row",
                               schema=symbol_session | {"close": pl.Float64, "drop_id": pl.String}),
    )  # fmt: skip
    audit = Report(expectations=7, failed=["rule row_count: " + NASTY], warnings=["rule stale"], data_docs="file:///d")
    return Judgement(audit, found, {"market.bars": 1234}, [(load_source("us_daily_prices"), rules)])


@pytest.fixture
def report(judgement: Judgement) -> dict[str, Any]:
    return build_report(judgement, StepArgs("validate", DAY, "daily_2016", KNOWN))


def test_the_report_is_plain_json(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["session"], report["run_id"], report["passed"]) == ("2016-06-30", "daily_2016", False)


def test_drops_are_counted_by_state_and_refused_ones_named(report: dict[str, Any]) -> None:
    states = {line["state"]: (line["drops"], line["rows"], line["quarantined"]) for line in report["drops"]["by_state"]}
    assert states == {"landed": (1, 100, 4), "quarantined": (1, 0, 0)}
    assert [(line["key"], line["reason"]) for line in report["drops"]["with_reasons"]] == [("b", NASTY)]


def test_lines_set_aside_are_this_runs_by_rule_with_samples(report: dict[str, Any]) -> None:
    counts = {line["rule"]: (line["lines"], len(line["samples"])) for line in report["quarantine"]}
    assert counts == {"field_count": (2, 2), "jump": (1, 1), "stale": (1, 1)}
    assert report["quarantine"][0]["rule"] == "field_count"
    assert report["quarantine"][0]["samples"][0]["line"] == 2


def test_a_held_jump_is_told_from_one_that_came_again(report: dict[str, Any]) -> None:
    assert [line["symbol"] for line in report["jumps"]["held"]] == ["HELD"]
    assert [line["symbol"] for line in report["jumps"]["confirmed"]] == ["AGAIN"]
    assert (report["jumps"]["held_in_all"], report["jumps"]["confirmed_in_all"]) == (1, 1)


def test_stale_bars_are_those_that_a_rule_warns_of_and_those_set_aside(report: dict[str, Any]) -> None:
    assert [(line["symbol"], line["run"]) for line in report["stale"]["runs"]] == [("SLOW", 3)]
    assert [line["symbol"] for line in report["stale"]["set_aside"]] == ["SAME"]


def test_actions_are_counted_by_kind_and_basis(report: dict[str, Any]) -> None:
    assert report["actions"]["by_kind"] == [
        {"kind": "dividend", "basis": "vendor", "actions": 1},
        {"kind": "split", "basis": "vendor", "actions": 1},
    ]
    assert [line["symbol"] for line in report["actions"]["newest"]] == ["A", "B"]


def test_a_fact_stands_beside_its_bounds(report: dict[str, Any]) -> None:
    (fact,) = report["facts"]
    assert (fact["rule"], fact["value"], fact["min"], fact["max"], fact["kept"]) == ("row_count", 0.5, 0.8, None, False)
    assert [row["bars"] for row in report["trailing"]] == [10, 5]
    assert report["missing_symbols"] == {"us_daily_prices": ["GONE"]}


def test_the_page_stands_alone_and_escapes_what_the_data_says(report: dict[str, Any]) -> None:
    page = render(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert "prefers-color-scheme:dark" in page
    assert page == render(report)


@pytest.mark.parametrize("text", ["HELD", "AGAIN", "SLOW", "GONE", "field_count", "0.5", "main did not move", "1,234"])
def test_the_page_shows_what_was_found(report: dict[str, Any], text: str) -> None:
    assert text in render(report)
