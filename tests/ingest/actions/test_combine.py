"""Bars and reports about one action, by hand: which counts by rank and age, who is a witness, and what is withdrawn."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from afterbell.ingest.actions.combine import combine, touched
from afterbell.ingest.actions.decide import ACTIONS, corporate_actions
from afterbell.ingest.actions.reports import ReportedAction
from tests.ingest.actions.drops import S0, S1, S2, S3, S4, S5, drop, known

FAR = date(2016, 7, 20)


def derived(
    ex: date, factor: float, kind: str = "split", basis: str = "vendor", by: date | None = None, source: str = "prices"
) -> tuple[Any, ...]:
    rests_on = "" if basis == "withdrawn" else "vendor, price"
    return (
        "S",
        ex,
        factor,
        kind,
        basis,
        known(by or ex),
        f"{source}:{by or ex:%Y%m%d}:a",
        0.99 if rests_on else 0.0,
        rests_on,
    )


def said(
    ex: date,
    factor: float,
    kind: str = "split",
    rank: int = 1,
    by: date | None = None,
    source: str = "ref",
    **more: Any,
) -> ReportedAction:
    at = max(known(by or ex), known(ex)) + timedelta(minutes=15)
    times = {"reported_at": known(by or ex), "known": at} | more
    return ReportedAction("S", ex, factor, kind, source, rank, drop_id=f"{source}:{by or ex:%Y%m%d}:a", **times)


def told(
    rows: list[tuple[Any, ...]], *reports: ReportedAction, ranks: dict[str, int] | None = None
) -> list[tuple[Any, ...]]:
    """Ex-session, factor, basis, what it rests on, and the session on which it became known."""
    found = combine(pl.DataFrame(rows, schema=ACTIONS, orient="row"), reports, ranks or {})
    return [
        (row["ex_session"], pytest.approx(row["factor"]), row["basis"], row["rests_on"], row["knowledge_time"].date())
        for row in found.iter_rows(named=True)
    ]


def newest(found: list[tuple[Any, ...]], ex: date = S1) -> tuple[Any, ...]:
    return [row[1:4] for row in found if row[0] == ex][-1]


def test_a_report_of_a_higher_rank_replaces_what_was_derived() -> None:
    assert told([derived(S1, 0.5)], said(S1, 0.25)) == [
        (S1, 0.5, "vendor", "vendor, price", S1),
        (S1, 0.25, "reported", "ref", S1),
    ]


def test_a_report_that_agrees_rests_on_what_it_agrees_with_and_is_surer() -> None:
    assert newest(told([derived(S1, 0.5)], said(S1, 0.5))) == (0.5, "reported", "ref, vendor, price")
    confidences = {}
    for name, rows in {"agrees": [derived(S1, 0.5)], "alone": [], "differs": [derived(S1, 0.25)]}.items():
        found = combine(pl.DataFrame(rows, schema=ACTIONS, orient="row"), [said(S1, 0.5)], {})
        confidences[name] = found.filter(pl.col("basis") == "reported")["confidence"].to_list()
    assert confidences == {"agrees": [0.999], "alone": [0.95], "differs": [0.9]}


def test_a_report_of_a_lower_rank_is_a_witness_or_nothing() -> None:
    assert newest(told([derived(S1, 0.5)], said(S1, 0.5, rank=-1))) == (0.5, "vendor", "vendor, price, ref")
    assert told([derived(S1, 0.5)], said(S1, 0.25, rank=-1)) == [(S1, 0.5, "vendor", "vendor, price", S1)]
    assert told([derived(S1, 0.5)], said(S1, 1.0, rank=-1)) == [(S1, 0.5, "vendor", "vendor, price", S1)]


def test_a_report_of_a_lower_rank_fills_where_nothing_was_derived() -> None:
    assert told([], said(S1, 0.5, rank=-1)) == [(S1, 0.5, "reported", "ref", S1)]
    undecided = derived(S1, 1.0, basis="undecided")
    assert newest(told([undecided], said(S1, 0.1, rank=-1))) == (0.1, "reported", "ref")
    withdrawn = [derived(S1, 0.5), derived(S1, 1.0, basis="withdrawn", by=S2)]
    assert told(withdrawn, said(S1, 0.25, rank=-1)) == [
        (S1, 0.5, "vendor", "vendor, price", S1),
        (S1, 0.25, "reported", "ref", S2),
    ]


def test_of_equal_ranks_the_newer_counts() -> None:
    later = said(S1, 0.25, rank=0, by=S2)
    assert newest(told([derived(S1, 0.5)], later)) == (0.25, "reported", "ref")
    assert newest(told([derived(S1, 0.5, by=S3)], said(S1, 0.25, rank=0))) == (0.5, "vendor", "vendor, price")
    two = [said(S1, 0.25, by=S2, source="a"), said(S1, 0.2, by=S3, source="b")]
    assert newest(told([], *two)) == (0.2, "reported", "b")


def test_what_bars_show_has_the_rank_of_its_source() -> None:
    rows = [derived(S1, 0.5, source="good")]
    assert newest(told(rows, said(S1, 0.25, rank=5), ranks={"good": 9})) == (0.5, "vendor", "vendor, price")
    assert newest(told(rows, said(S1, 0.25, rank=5), ranks={"other": 9})) == (0.25, "reported", "ref")


@pytest.mark.parametrize(("factor", "kind"), [(0.5, "split"), (20.0, "split"), (0.985, "dividend"), (0.8, "dividend")])
def test_the_same_action_derived_for_a_session_near_by_is_withdrawn(factor: float, kind: str) -> None:
    found = told([derived(S3, factor, kind)], said(S1, factor * 1.0002, kind, by=S4))
    assert found[1:] == [
        (S1, factor * 1.0002, "reported", "ref", S4),
        (S3, 1.0, "withdrawn", "", S4),
    ]


@pytest.mark.parametrize("factor", [0.25, 2.0, 0.985])
def test_another_action_near_by_stays(factor: float) -> None:
    assert told([derived(S3, factor)], said(S1, 0.5))[1:] == [(S3, factor, "vendor", "vendor, price", S3)]


def test_the_same_factor_further_away_is_another_action() -> None:
    assert told([derived(FAR, 0.985)], said(S1, 0.985)) == [(S1, 0.985, "reported", "ref", S1)]  # not spoken of
    assert touched(pl.DataFrame([derived(FAR, 0.985)], schema=ACTIONS, orient="row"), [said(S1, 0.985)]) == {("S", S1)}


def test_a_payer_of_every_week_is_believed_by_its_own_source() -> None:
    weekly = [said(S0, 0.998, "dividend"), said(S4, 0.998, "dividend")]
    assert [row[:2] for row in told([], *weekly)] == [(S0, 0.998), (S4, 0.998)]


def test_a_lower_report_of_a_session_near_by_makes_no_second_action() -> None:
    assert told([derived(S1, 0.5)], said(S2, 0.5, rank=-1)) == [(S1, 0.5, "vendor", "vendor, price", S1)]


def test_a_report_may_say_that_there_is_no_action_and_may_be_taken_back() -> None:
    assert newest(told([derived(S1, 0.5)], said(S1, 1.0, by=S2))) == (1.0, "reported", "ref")
    assert told([], said(S1, 1.0)) == []
    assert newest(told([], said(S1, 0.5), said(S1, 1.0, by=S2))) == (1.0, "withdrawn", "")
    assert newest(told([derived(S1, 0.5)], said(S1, 0.25), said(S1, 0.5, by=S2))) == (
        0.5,
        "reported",
        "ref, vendor, price",
    )


def test_an_older_word_of_the_same_source_that_waited_changes_nothing() -> None:
    waited = said(S1, 0.9, "dividend", known=known(S5) + timedelta(hours=1))
    assert newest(told([], waited, said(S1, 0.95, "dividend", by=S3))) == (0.95, "reported", "ref")


def test_rows_name_the_drop_that_is_believed_or_made_the_change() -> None:
    rows = [derived(S3, 0.5)]
    found = combine(pl.DataFrame(rows, schema=ACTIONS, orient="row"), [said(S1, 0.5, by=S4)], {})
    drops = found.select("ex_session", "drop_id").rows()
    assert drops == [(S3, "prices:20160609:a"), (S1, "ref:20160610:a"), (S3, "ref:20160610:a")]
    filled = [derived(S1, 0.5), derived(S1, 1.0, basis="withdrawn", by=S2)]
    found = combine(pl.DataFrame(filled, schema=ACTIONS, orient="row"), [said(S1, 0.25, rank=-1)], {})
    assert found["drop_id"].to_list() == ["prices:20160607:a", "ref:20160607:a"]


def test_evidence_alone_is_told_word_for_word() -> None:
    # A split shown a session early and again on the day, and one that the price undoes.
    frames = [
        drop(S1, (S0, 100.00, 50.00), 100.50),
        drop(S2, (S1, 100.50, 50.25), 51.00),
        drop(S3, (S2, 51.00, 50.50), 50.40),
        drop(S4, (S3, 50.40, 49.90), 49.70),
    ]
    rows = corporate_actions(pl.concat(frames))
    late = ReportedAction(
        "S", S5, 0.9, "dividend", "ref", 1, known(S5), known(S5) + timedelta(days=9), "ref:20160613:a"
    )
    found = combine(rows, [late], {}).filter(pl.col("knowledge_time") < late.known)
    assert found.height >= 2
    assert found.equals(rows)


def test_symbols_do_not_touch_each_other() -> None:
    other = ReportedAction("T", S1, 0.25, "split", "ref", 1, known(S1), known(S1), "ref:20160607:a")
    assert told([derived(S1, 0.5)], other) == [(S1, 0.25, "reported", "ref", S1)]


def test_instants_are_told_in_their_order() -> None:
    found = combine(pl.DataFrame([derived(S3, 0.5)], schema=ACTIONS, orient="row"), [said(S1, 0.25), said(S4, 0.9)], {})
    times: list[datetime] = found["knowledge_time"].to_list()
    assert times == sorted(times)
