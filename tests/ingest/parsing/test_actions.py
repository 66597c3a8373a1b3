"""Lines of reported corporate actions: which are actions, and which are set aside, by rule and reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import rules_of
from tests.ingest.shapes import example

DAY = date(2016, 6, 30)
HEADER = "ticker,ex_date,type,new_for_old,cash"
FACTORS = {
    "ticker": {"name": "symbol", "type": "string"}, "ex_date": {"name": "ex_session", "type": "date"},
    "type": {"name": "kind", "type": "string"}, "factor": {"name": "factor", "type": "double"},
    "new_for_old": {"name": "ratio", "type": "double"},
}  # fmt: skip


def parse(*lines: str, header: str = HEADER, **changes: Any) -> ParsedDrop:
    source = example("vendor_actions", **changes)
    name = DropName("reference/actions/20160630.csv", DAY, (DAY,))
    return parse_drop(source, rules_of(source), name, "\n".join([header, *lines, ""]).encode())


def test_splits_dividends_and_announcements_are_rows() -> None:
    found = parse("A,2016-06-30,S,4,", "B,2016-07-05,D,,0.25", "C,2015-01-02,X,,1", "D,2016-07-01,,2,0.1")
    assert found.rejected.is_empty()
    assert found.rows.select("symbol", "ex_session", "kind", "ratio", "amount").rows() == [
        ("A", date(2016, 6, 30), "S", 4.0, None),
        ("B", date(2016, 7, 5), "D", None, 0.25),
        ("C", date(2015, 1, 2), "X", None, 1.0),
        ("D", date(2016, 7, 1), None, 2.0, 0.1),
    ]


@pytest.mark.parametrize(
    ("line", "rule", "reason"),
    [
        ("A,2016-07-04,S,4,", "not_a_session", "expected a session of XNYS, found 2016-07-04"),  # a holiday
        ("A,2016-07-02,S,4,", "not_a_session", "2016-07-02"),  # a Saturday
        ("A,1985-07-02,S,4,", "not_a_session", "1985-07-02"),  # before the calendar
        ("A,2216-07-01,S,4,", "not_a_session", "2216-07-01"),  # after it
        ("A,2016-07-01,M,4,", "unknown_kind", "expected a kind of S, D, X, found M"),
        ("A,2016-07-01,S,0,", "not_positive", "ratio 0.0"),
        ("A,2016-07-01,S,-2,", "not_positive", "ratio -2.0"),
        ("A,2016-07-01,D,,-0.1", "not_positive", "amount -0.1"),
        ("A,2016-07-01,S,,", "no_action", "expected one of ratio, amount, found ratio empty, amount empty"),
        ("A,2016-07-01,S,,0.5", "kind_disagrees", "expected a split with a ratio or a factor"),
        ("A,2016-07-01,D,2,", "kind_disagrees", "expected a dividend without ratio"),
        (",2016-07-01,S,2,", "complete", "expected a value in symbol, ex_session"),
        ("A,,S,2,", "complete", "expected a value in symbol, ex_session"),
        ("a/b,2016-07-01,S,2,", "symbol_pattern", "a/b"),
        ("A,2016-07-01,S,two,", "not_a_number", "two"),
    ],
)
def test_a_line_that_is_no_action_is_set_aside_by_itself(line: str, rule: str, reason: str) -> None:
    found = parse("GOOD,2016-07-01,S,2,", line, "GOOD,2016-07-05,D,,0.25")
    assert found.rejected.select("line", "rule").rows() == [(3, rule)]
    assert reason in found.rejected["reason"][0]
    assert found.rejected["raw"][0] == line
    assert found.rows.height == 2


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("A,2016-07-01,S,0.25,4", ""),
        ("A,2016-07-01,S,0.3333,3", ""),
        ("A,2016-07-01,S,0.5,", ""),
        ("A,2016-07-01,D,0.98,", ""),
        ("A,2016-07-01,S,7.41,", ""),
        ("A,2016-07-01,S,1,", ""),  # taken back
        ("A,2016-07-01,S,4,4", "factors_disagree"),
        ("A,2016-07-01,S,0.33,3", "factors_disagree"),
        ("A,2016-07-01,S,0,", "not_positive"),
        ("A,2016-07-01,S,-0.5,", "not_positive"),
        ("A,2016-07-01,,0.5,", "unknown_kind"),
        ("A,2016-07-01,D,1.02,", "kind_disagrees"),
    ],
)
def test_a_factor_is_positive_of_a_kind_and_one_over_its_ratio(line: str, rule: str) -> None:
    found = parse(line, header="ticker,ex_date,type,factor,new_for_old", columns=FACTORS)
    assert found.rejected["rule"].to_list() == ([rule] if rule else [])


def test_splits_of_one_session_that_differ_are_all_set_aside_and_payouts_are_not() -> None:
    found = parse(
        "A,2016-07-01,S,2,", "A,2016-07-01,S,3,", "B,2016-07-01,D,,1", "B,2016-07-01,X,,2", "A,2016-07-05,S,3,"
    )
    assert found.rejected.select("line", "rule").rows() == [(2, "splits_differ"), (3, "splits_differ")]
    assert found.rows["symbol"].to_list() == ["B", "B", "A"]


def test_equal_lines_are_one() -> None:
    found = parse("A,2016-07-01,D,,1", "A,2016-07-01,D,,1")
    assert (found.rows.height, found.collapsed) == (1, 1)
