"""The quality report: what it says of a made-up run, as JSON and as a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from afterbell.errors import PermanentError
from afterbell.quality.audit import Report
from afterbell.quality.audit_branch import Judgement
from afterbell.quality.exhibits import Exhibits
from afterbell.quality.findings import Found
from afterbell.quality.neighbours import Coverage
from afterbell.quality.page import render
from afterbell.quality.report import build_report
from afterbell.quality.report_document import QualityReport
from afterbell.quality.report_store import newest_report
from afterbell.quality.whole_sessions import SourceFacts
from afterbell.run.contracts.data import ValidateInputs
from afterbell.run.job import StepArgs
from afterbell.sources.source import load_source
from afterbell.stores.protocols import StoredObject
from tests.quality.cases import DAY, JUMP, STALE, Row, rule_set

NASTY = "<script>alert('x')</script>"
KNOWN = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
ARGS = StepArgs("validate", DAY, "daily_2016", KNOWN, ValidateInputs(branch="audit_x_00000000"))
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


def exhibits(actions: pl.DataFrame) -> Exhibits:
    """Five sessions of two symbols: ``MOVED`` falls by 60 % on the last but one, ``ANEW`` is told otherwise."""
    days = [date(2016, 6, day) for day in (24, 27, 28, 29, 30)]
    closes = {"MOVED": (50.0, 50.0, 50.0, 20.0, 20.0), "ANEW": (10.0, 10.0, 10.0, 10.0, 10.0)}
    rows = [
        {"symbol": symbol, "session": day, "open": close, "high": close, "low": close, "close": close,
         "volume": 1_000_000, "knowledge_time": KNOWN, "revision": 0, "drop_id": f"vendor:{NASTY}"}
        for symbol, told in closes.items() for day, close in zip(days, told, strict=True)
    ]  # fmt: skip
    anew = {"close": 12.0, "revision": 1, "drop_id": "us_daily_prices:a", "knowledge_time": KNOWN + timedelta(days=1)}
    rows.append(next(row for row in rows if (row["symbol"], row["session"]) == ("ANEW", BEFORE)) | anew)
    none = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date})
    found = Exhibits(actions, ["us_daily_prices:a"], none)
    found.add(pl.DataFrame(rows), days, days, none)
    return found


@pytest.fixture
def judgement() -> Judgement:
    """Two drops; three lines set aside, one jump held, one of the day before told again; a split and a dividend."""
    rules = rule_set(JUMP, STALE, {"name": "row_count", "kind": "row_count_ratio", "min": 0.8})
    (row_count,) = rules.set_rules()
    symbol_session = {"symbol": pl.String, "session": pl.Date}
    actions = pl.DataFrame(
        [
            {"symbol": "A", "ex_session": DAY, "factor": 0.5, "kind": "split", "basis": "vendor",
             "knowledge_time": KNOWN},
            {"symbol": "B", "ex_session": BEFORE, "factor": 0.99, "kind": "dividend", "basis": "vendor",
             "knowledge_time": KNOWN},
            {"symbol": "C", "ex_session": BEFORE, "factor": 0.2, "kind": "split", "basis": "price",
             "knowledge_time": KNOWN},
            {"symbol": "NEE", "ex_session": BEFORE, "factor": 1.0, "kind": "wrong_listing", "basis": "held",
             "knowledge_time": KNOWN, "rests_on": "volume, level", "close_before": 122.92, "close": 25.01,
             "confidence": None},
            {"symbol": "TGNA", "ex_session": BEFORE, "factor": 1.0, "kind": "symbol_renamed", "basis": "began",
             "knowledge_time": KNOWN, "rests_on": "GCI"},
            {"symbol": "GCI", "ex_session": BEFORE, "factor": 1.0, "kind": "symbol_reused", "basis": "began",
             "knowledge_time": KNOWN, "rests_on": "level"},
        ]
    )  # fmt: skip
    findings = Found(
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
        actions=actions,
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
        exhibits=exhibits(actions),
        listings=pl.DataFrame({"symbol": ["USED"], "session": [DAY], "change": ["used again"], "name": [NASTY],
                               "name_before": ["Old Co"], "delisted_before": [BEFORE]}),
        coverage=[Coverage("us_daily_prices", BEFORE, 10, 5, 10.0, 10, 10, 5, (NASTY,)),
                  Coverage("us_daily_prices", DAY, 10, 10, None, 0, 0, 0)],
        thin=["session 2016-06-29 of us_daily_prices: its own drops have 5 of 10 symbols"],
    )  # fmt: skip
    audit = Report(expectations=7, failed=["rule row_count: " + NASTY], warnings=["rule stale"], data_docs="file:///d")
    return Judgement(audit, findings, {"market.bars": 1234}, [(load_source("us_daily_prices"), rules)])


@pytest.fixture
def report(judgement: Judgement) -> dict[str, Any]:
    """As it is stored."""
    return build_report(judgement, ARGS).to_json()


def page_of(report: dict[str, Any]) -> str:
    return render(QualityReport.model_validate(report))


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
        {"kind": "split", "basis": "price", "actions": 1},
        {"kind": "split", "basis": "vendor", "actions": 1},
    ]
    assert [line["symbol"] for line in report["actions"]["newest"]] == ["A", "B", "C"]


def test_actions_that_no_vendor_reported_for_their_session_stand_by_themselves(report: dict[str, Any]) -> None:
    inferred = report["actions"]["inferred"]
    assert ([line["symbol"] for line in inferred["rows"]], inferred["in_all"]) == (["C"], 1)


def test_bars_of_another_security_are_named_and_are_no_action(report: dict[str, Any]) -> None:
    names = [(line["symbol"], line["kind"], line["predecessor"]) for line in report["who_is_who"]["rows"]]
    assert names == [("GCI", "symbol_reused", None), ("TGNA", "symbol_renamed", "GCI")]
    (line,) = report["held"]["rows"]
    assert (line["symbol"], line["session"], line["basis"]) == ("NEE", "2016-06-29", "held")
    assert (line["close_before"], line["close"]) == (122.92, 25.01)
    assert report["actions"]["in_all"] == 3
    assert "volume, level" in page_of(report)


def test_an_unexplained_move_has_price_volume_dollars_and_reason(report: dict[str, Any]) -> None:
    (line,) = report["unexplained"]["rows"]
    assert (line["symbol"], line["session"], line["close_before"], line["close"]) == ("MOVED", "2016-06-29", 50.0, 20.0)
    assert (line["volume_before"], line["volume"], line["dollars"]) == (1_000_000, 1_000_000, 20_000_000.0)
    assert line["return"] == pytest.approx(-0.6)
    assert line["reason"].startswith("falls as on a distribution")


def test_a_restated_close_has_what_was_told_first_and_by_whom(report: dict[str, Any]) -> None:
    (line,) = report["restated"]["rows"]
    assert (line["symbol"], line["session"], line["first_close"], line["close"]) == ("ANEW", "2016-06-29", 10.0, 12.0)
    assert line["ratio"] == pytest.approx(1.2)


def test_what_is_shown_has_its_bars_beside_it_and_a_link_to_them(report: dict[str, Any]) -> None:
    moved = [(row["session"], row["close"]) for row in report["bars"] if row["symbol"] == "MOVED"]
    assert moved == [("2016-06-24", 50.0), ("2016-06-27", 50.0), ("2016-06-28", 50.0), ("2016-06-29", 20.0),
                     ("2016-06-30", 20.0)]  # fmt: skip
    page = page_of(report)
    for anchor in set(re.findall(r'href="#([^"]+)"', page)):
        assert f'id="{anchor}"' in page
    assert re.search(r'<a href="#(bars-\d+)">MOVED</a>', page)
    assert "./afterbell bars --symbol MOVED --session 2016-06-30" in page


def test_a_thin_session_is_named_and_plotted(report: dict[str, Any]) -> None:
    assert [line["on_night"] for line in report["coverage"]] == [5, 10]
    page = page_of(report)
    assert "its own drops have 5 of 10 symbols" in page
    assert "<svg" in page


def test_a_line_set_aside_is_shown_in_full_and_an_endless_one_says_how_long_it_is(judgement: Judgement) -> None:
    raw = ["x" * 3999 + "!", "y" * 5000]
    rejects = pl.DataFrame([reject("long", "A", 2) | {"raw": raw[0]}, reject("long", "B", 3) | {"raw": raw[1]}])
    judgement = replace(judgement, findings=replace(judgement.findings, rejects=rejects))
    (line,) = build_report(judgement, ARGS).quarantine
    whole, cut = (sample["raw"] for sample in line.samples)
    assert whole == raw[0]
    assert cut == "y" * 4000 + " ... (5000 characters in all)"


def test_a_fact_stands_beside_its_bounds(report: dict[str, Any]) -> None:
    (fact,) = report["facts"]
    assert (fact["rule"], fact["value"], fact["min"], fact["max"], fact["kept"]) == ("row_count", 0.5, 0.8, None, False)
    assert [row["bars"] for row in report["trailing"]] == [10, 5]
    assert report["missing_symbols"] == {"us_daily_prices": ["GONE"]}


def test_the_page_stands_alone_and_escapes_what_the_data_says(report: dict[str, Any]) -> None:
    page = page_of(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in re.sub(r' xmlns(:\w+)?="[^"]*"', "", page)  # which name what a plot is drawn in
    assert "prefers-color-scheme:dark" in page
    assert page == page_of(report)


@pytest.mark.parametrize("text", ["HELD", "AGAIN", "SLOW", "GONE", "field_count", "0.5", "main did not move", "1,234"])
def test_the_page_shows_what_was_found(report: dict[str, Any], text: str) -> None:
    assert text in page_of(report)


ADDED = {
    "refused_sessions", "held", "who_is_who", "unseen", "thin_sessions", "coverage", "unexplained", "restated", "bars",
    "listings", "gaps", "without_volume",
}  # fmt: skip
"""What the first reports did not have."""


def test_a_report_of_an_earlier_version_is_still_read(report: dict[str, Any]) -> None:
    earlier = {name: value for name, value in report.items() if name not in ADDED}
    earlier["actions"] = {name: report["actions"][name] for name in ("by_kind", "newest")}
    read = QualityReport.model_validate_json(json.dumps(earlier))
    assert (read.session, read.drops.with_reasons_in_all, read.quarantine[0].rule) == (DAY, 1, "field_count")
    assert (read.bars, read.unexplained.in_all, read.actions.inferred.rows) == ((), 0, ())
    assert "Quality of the data: session 2016-06-30" in render(read)


class Stored:
    """A store of quality reports, by key."""

    def __init__(self, **bodies: bytes) -> None:
        self.bodies = {f"runs/2016-06-30/{name}/quality.json": body for name, body in bodies.items()}

    def list(self, prefix: str) -> list[StoredObject]:
        return [StoredObject("s3", key, len(body), "1") for key, body in self.bodies.items() if key.startswith(prefix)]

    def get(self, key: str) -> bytes:
        return self.bodies[key]


def test_what_is_stored_is_read_as_it_was_written(report: dict[str, Any]) -> None:
    store: Any = Stored(a_run=QualityReport.model_validate(report).to_text().encode())
    read = newest_report(store, DAY)
    assert read is not None
    assert read.to_json() == report
    assert newest_report(store, BEFORE) is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"session": "2016-06-30"}'])
def test_what_is_no_quality_report_is_refused_by_name(body: bytes) -> None:
    store: Any = Stored(a_run=body)
    with pytest.raises(PermanentError, match=r"runs/2016-06-30/a_run/quality\.json is not a quality report"):
        newest_report(store, DAY)


def test_a_figure_that_is_not_finite_is_not_stored(judgement: Judgement) -> None:
    rows = judgement.findings.gaps
    assert rows is not None
    odd = replace(judgement.findings, gaps=rows.with_columns(sessions=pl.lit(float("nan"))))
    report = build_report(replace(judgement, findings=odd), ARGS)
    with pytest.raises(ValueError, match="not JSON compliant"):
        report.to_text()
