"""Cumulative factors, as Lean's factor files have them: the dividends and splits between the lines."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.actions.reports import REPORTED, gather, new_reports
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import rules_of
from tests.ingest.shapes import example

SOURCE = example("lean_factors")
DAY = date(2016, 6, 30)
# Of a fund of our own: a split of seven for one after 2014-06-06, dividends after 2014-08-06 (a Wednesday), before a
# holiday (2016-07-01), and a reverse split of fifteen together with a dividend after 2015-03-06 (a Friday).
LINES = (
    "AAA,20131001,0.9304792,2.142857",
    "AAA,20140606,0.9304792,2.142857",
    "AAA,20140806,0.9304792,15",
    "AAA,20150306,0.9491,15",
    "AAA,20160701,0.98,1",
    "AAA,20501231,1,1",
)


def parse(*lines: str) -> ParsedDrop:
    body = "\n".join([*lines, ""]).encode()
    return parse_drop(SOURCE, rules_of(SOURCE), DropName("lean/factor_files/20160630/all.csv", DAY, (DAY,)), body)


def test_steps_between_lines_are_dividends_and_splits_of_the_session_after() -> None:
    found = parse(*LINES)
    assert found.rejected.is_empty()
    assert found.lines == 6
    rows = found.rows.sort("ex_session", "ratio", nulls_last=True).select("ex_session", "factor", "ratio").rows()
    assert rows == [
        (date(2014, 6, 9), None, 7.0),
        (date(2014, 8, 7), pytest.approx(0.9304792 / 0.9491), None),
        (date(2015, 3, 9), None, pytest.approx(1 / 15, rel=1e-12)),
        (date(2015, 3, 9), pytest.approx(0.9491 / 0.98), None),
        (date(2016, 7, 5), 0.98, None),
    ]


def test_symbols_are_told_apart_and_lines_may_come_in_any_order() -> None:
    lines = ("B,20501231,1,1", "A,20160601,0.98,1", "B,20160601,1,0.5", "A,20501231,1,1")
    assert parse(*lines).rows.select("symbol", "factor", "ratio").rows() == [
        ("A", 0.98, None),
        ("B", None, 2.0),
    ]


def test_a_file_without_any_step_has_no_action() -> None:
    assert parse("A,19980102,1,1", "A,20501231,1,1").rows.is_empty()


def test_a_step_before_the_calendar_is_set_aside_by_itself() -> None:
    found = parse("A,19980102,0.9,1", "A,20160601,0.98,1", "A,20501231,1,1")
    assert found.rejected.select("line", "rule").rows() == [(1, "not_a_session")]
    assert found.rows["ex_session"].to_list() == [date(2016, 6, 2)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A,20160601,0,1", "a factor of 0 or less in line 2"),
        ("A,20160601,0.9,-1", "a factor of 0 or less in line 2"),
        ("A,20160601,,1", "in line 2"),
        ("A,20160601,x,1", "in line 2"),
        ("A,20160601", "in line 2"),
        ("A,20150102,0.9,1", "a repeated day in line 1"),
    ],
)
def test_a_line_that_hides_a_step_refuses_the_drop(line: str, reason: str) -> None:
    with pytest.raises(CorruptDropError, match=reason):
        parse("A,20150102,0.5,1", line, "A,20501231,1,1")


def test_a_payout_that_raises_the_factor_is_set_aside() -> None:
    found = parse("A,20160601,1.02,1", "A,20501231,1,1")
    assert found.rejected["rule"].to_list() == ["kind_disagrees"]


def test_factors_that_are_written_anew_after_a_dividend_report_that_dividend_alone() -> None:
    def reported(session: date, *lines: str) -> pl.DataFrame:
        named = {"source": "lean_factors", "key": "k", "session": session, "late": False, "drop_id": f"lean:{session}"}
        rows = parse(*lines).rows.with_columns(pl.lit(value).alias(name) for name, value in named.items())
        rows = rows.with_columns(knowledge_time=pl.lit(session).cast(pl.Datetime("us", "UTC")))
        return gather(rows, {"lean_factors": SOURCE})

    first = new_reports(reported(date(2016, 6, 30), *LINES), REPORTED.to_frame())
    assert first.height == 4  # a split and a dividend of one session are one report
    assert first.filter(pl.col("ex_session") == date(2015, 3, 9))["kind"].to_list() == ["split"]
    # After a dividend of 2 per cent, all factors before it are multiplied and rounded.
    again = (
        "AAA,20131001,0.9118696,2.142857", "AAA,20140606,0.9118696,2.142857", "AAA,20140806,0.9118696,15",
        "AAA,20150306,0.930118,15", "AAA,20160701,0.9604,1", "AAA,20160805,0.98,1", "AAA,20501231,1,1",
    )  # fmt: skip
    second = new_reports(reported(date(2016, 8, 8), *again), first)
    assert second.select("ex_session", "factor", "kind").rows() == [(date(2016, 8, 8), 0.98, "dividend")]
