"""Reported actions by hand: the factor each stands for, and from when on it counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.ingest.actions.reports import REPORTED, ReportedAction, Resolved, gather, new_reports, resolve
from tests.ingest.shapes import example

ACTIONS = example("vendor_actions")
FACTORS = example("vendor_actions", name="factors", columns={
    "t": {"name": "symbol", "type": "string"}, "d": {"name": "ex_session", "type": "date"},
    "f": {"name": "factor", "type": "double"}, "c": {"name": "amount", "type": "double"},
}, kinds="dividend", rank=-1)  # fmt: skip
SOURCES = {source.name: source for source in (ACTIONS, FACTORS)}
# Wednesday to Wednesday; Monday 2016-07-04 is a holiday.
D0, D1, D2, D3, D4 = (date(2016, *day) for day in ((6, 29), (6, 30), (7, 1), (7, 5), (7, 6)))


def at(day: date, hour: int = 20, minute: int = 15) -> datetime:
    """A quarter of an hour after the close, as the source says."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def line(symbol: str, ex: date, told: date = D1, source: str = "vendor_actions", **values: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {"factor": None, "ratio": None, "amount": None, "kind": None}
    named = {"source": source, "key": f"{source}/{told}", "session": told, "knowledge_time": at(told)}
    drop = {"drop_id": f"{source}:{told:%Y%m%d}:a", "late": False}
    return blank | {"symbol": symbol, "ex_session": ex} | named | drop | values


def gathered(*lines: dict[str, Any]) -> pl.DataFrame:
    schema: Any = {"factor": pl.Float64, "ratio": pl.Float64, "amount": pl.Float64, "kind": pl.String,
                   "knowledge_time": pl.Datetime("us", "UTC")}  # fmt: skip
    return gather(pl.DataFrame(list(lines), schema_overrides=schema), SOURCES)


def bar(symbol: str, session: date, close: float, known: datetime, revision: int = 0) -> dict[str, Any]:
    return {"symbol": symbol, "session": session, "close": close, "knowledge_time": known, "revision": revision}


def resolved(*lines: dict[str, Any], bars: tuple[dict[str, Any], ...] = ()) -> Resolved:
    schema: Any = {"symbol": pl.String, "session": pl.Date, "close": pl.Float64,
                   "knowledge_time": pl.Datetime("us", "UTC"), "revision": pl.Int32}  # fmt: skip
    return resolve(gathered(*lines).select(list(REPORTED)), pl.DataFrame(list(bars), schema=schema), SOURCES)


def one(found: Resolved) -> ReportedAction:
    (report,) = found.counting
    return report


@pytest.mark.parametrize(
    ("lines", "factor", "amount", "kind"),
    [
        ([{"kind": "S", "ratio": 4.0}], 0.25, 0.0, "split"),
        ([{"ratio": 2 / 3}], 1.5, 0.0, "split"),
        ([{"kind": "D", "amount": 0.5}], 1.0, 0.5, "dividend"),
        ([{"amount": 0.5}], 1.0, 0.5, "dividend"),
        ([{"ratio": 2.0, "amount": 0.1}], 0.5, 0.1, "split"),
        ([{"kind": "D", "amount": 0.5}, {"kind": "X", "amount": 2.0}], 1.0, 2.5, "dividend"),
        ([{"kind": "S", "ratio": 2.0}, {"kind": "D", "amount": 0.1}], 0.5, 0.1, "split"),
        ([{"kind": "S", "ratio": 2.0, "factor": 0.5}], 0.5, 0.0, "split"),
        ([{"source": "factors", "factor": 0.98}], 0.98, 0.0, "dividend"),
        ([{"source": "factors", "factor": 0.98, "amount": 0.5}], 0.98, 0.0, "dividend"),  # the same said twice
        ([{"source": "factors", "factor": 0.98}, {"source": "factors", "factor": 0.5}], 0.49, 0.0, "dividend"),
    ],
)
def test_the_lines_of_a_drop_about_a_session_are_one_report(
    lines: list[dict[str, Any]], factor: float, amount: float, kind: str
) -> None:
    rows = gathered(*(line("A", D2, **values) for values in lines))
    assert rows.select("factor", "amount", "kind").rows() == [(pytest.approx(factor), amount, kind)]


def test_what_was_reported_before_is_not_new_and_what_differs_is() -> None:
    first = new_reports(gathered(line("A", D2, ratio=2.0)), REPORTED.to_frame())
    again = gathered(
        line("A", D2, told=D2, ratio=2.0), line("A", D3, told=D2, ratio=3.0), line("B", D2, told=D2, ratio=2.0)
    )
    assert new_reports(again, first).select("symbol", "ex_session").sort("symbol").rows() == [("A", D3), ("B", D2)]
    other = gathered(line("A", D2, told=D2, source="factors", factor=0.5))
    assert new_reports(other, first).height == 1  # another source
    back = new_reports(gathered(line("A", D2, told=D2, ratio=1.0)), first)
    assert new_reports(gathered(line("A", D2, told=D3, ratio=2.0)), pl.concat([first, back])).height == 1


def test_a_report_of_the_past_is_known_with_its_drop_and_one_of_the_future_with_its_ex_session() -> None:
    assert one(resolved(line("A", D0, ratio=2.0))).known == at(D1)
    assert one(resolved(line("A", D1, ratio=2.0))).known == at(D1)
    assert one(resolved(line("A", D3, ratio=2.0))).known == at(D3)
    half_day = date(2016, 11, 25)
    assert one(resolved(line("A", half_day, ratio=2.0))).known == at(half_day, 18)


def test_an_amount_is_paid_from_the_close_before_and_waits_for_it() -> None:
    said = line("A", D3, amount=0.5)
    assert resolved(said).counting == []
    assert resolved(said, bars=(bar("A", D3, 50.0, at(D3)), bar("B", D2, 50.0, at(D2)))).counting == []
    found = one(resolved(said, bars=(bar("A", D2, 20.0, at(D2)),)))  # across the holiday
    assert (found.factor, found.known) == (pytest.approx(0.975), at(D3))
    late = one(resolved(said, bars=(bar("A", D2, 20.0, at(D4)),)))
    assert (late.factor, late.known) == (pytest.approx(0.975), at(D4))


def test_a_close_told_otherwise_after_that_changes_nothing_and_before_it_does() -> None:
    said = line("A", D3, amount=0.5)
    revisions = [bar("A", D2, 20.0, at(D2)), bar("A", D2, 25.0, at(D3, 19), 1), bar("A", D2, 10.0, at(D4), 2)]
    assert one(resolved(said, bars=tuple(revisions))).factor == pytest.approx(0.98)


@pytest.mark.parametrize("amount", [20.0, 20.01, 500.0])
def test_an_amount_of_the_close_or_more_is_refused(amount: float) -> None:
    found = resolved(line("A", D3, amount=amount), bars=(bar("A", D2, 20.0, at(D2)),))
    assert found.counting == []
    assert found.refused.select("symbol", "amount", "close", "known").rows() == [("A", amount, 20.0, at(D3))]


def test_a_split_with_cash_is_both_and_a_source_that_is_not_declared_says_nothing() -> None:
    both = one(resolved(line("A", D3, ratio=2.0, amount=0.5), bars=(bar("A", D2, 20.0, at(D2)),)))
    assert (both.factor, both.kind, both.rank) == (pytest.approx(0.5 * 0.975), "split", 10)
    rows = gathered(line("A", D3, ratio=2.0)).select(list(REPORTED)).with_columns(source=pl.lit("gone"))
    bars = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "close": pl.Float64, "revision": pl.Int32,
                                "knowledge_time": pl.Datetime("us", "UTC")})  # fmt: skip
    assert resolve(rows, bars, SOURCES).counting == []
