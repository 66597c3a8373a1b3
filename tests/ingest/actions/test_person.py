"""A person's last word about a corporate action: from when on it counts, what it silences, and in whatever runs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.decide import WINDOW
from afterbell.ingest.actions.overrides import Adjustment, Decision
from afterbell.ingest.actions.person import silence, weigh_decisions
from afterbell.ingest.actions.settle import settle_actions
from afterbell.lake.bars import adjust, decided
from afterbell.lake.tables import CORPORATE_ACTIONS, EVIDENCE
from tests.ingest.actions.drops import S0, S1, S2, S3, S4, S5, drop, known, random_evidence
from tests.ingest.actions.memory_lake import MemoryLake

HALF = Adjustment(factor=0.5, kind="split")
EXCHANGE = Exchange("XNYS")


def decision(at: datetime, action: Any = HALF, *, ex: date = S1, symbol: str = "S", why: str = "because") -> Decision:
    return Decision(symbol=symbol, ex_session=ex, decided=at, by="Ann", reason=why, action=action)


def hours(session: date, count: float) -> datetime:
    """So long after what the drop of the session says is known."""
    return known(session) + timedelta(hours=count)


class Runs(MemoryLake):
    """Runs, one after another, on a lake in memory."""

    def run(self, last: date, shown: pl.DataFrame | None, *decisions: Decision) -> tuple[str, ...]:
        """Take in what is shown and decided; what comes too late to count."""
        there = self.tables[CORPORATE_ACTIONS.name]
        found = weigh_decisions(decisions, there, known(last))
        evidence = self.tables[EVIDENCE.name]
        if shown is not None and shown.is_empty():
            shown = None
        if shown is not None:
            first = EXCHANGE.before(shown["session"].min(), 2 * WINDOW + 1)[0]  # type: ignore[arg-type]
            evidence = evidence.filter(pl.col("session") >= first)
        made = settle_actions(self, evidence, shown, found).rows  # type: ignore[arg-type]
        self.add(EVIDENCE, shown)
        self.add(CORPORATE_ACTIONS, made)
        return found.overtaken

    def told(self) -> list[tuple[Any, ...]]:
        rows = self.tables[CORPORATE_ACTIONS.name].sort("knowledge_time", "symbol", "ex_session")
        return rows.select("ex_session", "factor", "kind", "basis", "knowledge_time").rows()


# A split of two for one that the vendor shows on its day.
SPLIT = drop(S1, (S0, 100.00, 50.00), 51.00)
QUIET = drop(S2, (S1, 51.00, 50.50), 50.40)
"""A payout of half a dollar."""


def test_a_decision_is_one_more_row_with_who_and_why() -> None:
    lake = Runs()
    lake.run(S1, SPLIT)
    said = decision(hours(S1, 1), Adjustment(factor=0.25, kind="split"), why="four for one, 8-K of May 2nd")
    lake.run(S2, QUIET, said)
    assert lake.told() == [
        (S1, 0.5, "split", "vendor", known(S1)),
        (S1, 0.25, "split", "person", hours(S1, 1)),
        (S2, pytest.approx(50.5 / 51), "dividend", "vendor", known(S2)),
    ]
    row = lake.tables[CORPORATE_ACTIONS.name].filter(pl.col("basis") == "person").row(0, named=True)
    assert row["rests_on"] == "person: Ann: four for one, 8-K of May 2nd"
    assert (row["confidence"], row["drop_id"]) == (1.0, said.drop_id)


@pytest.mark.parametrize(
    ("action", "factor", "kind"),
    [("none", 1.0, "none"), (Adjustment(factor=0.9, kind="dividend"), 0.9, "dividend"), (HALF, 0.5, "split")],
)
def test_a_decision_counts_where_the_evidence_says_nothing(action: Any, factor: float, kind: str) -> None:
    lake = Runs()
    lake.run(S4, QUIET, decision(hours(S3, -1), action, ex=S3))
    assert (S3, factor, kind, "person", hours(S3, -1)) in lake.told()


def test_a_decision_of_the_future_waits_and_a_later_run_without_any_drop_writes_it() -> None:
    lake, said = Runs(), decision(hours(S2, 1), "none")
    for last, shown in ((S1, SPLIT), (S2, QUIET)):
        lake.run(last, shown, said)
        assert "person" not in {row[3] for row in lake.told()}
    lake.run(S3, None, said)
    assert lake.told()[-1] == (S1, 1.0, "none", "person", hours(S2, 1))
    before = lake.told()
    for last in (S3, S4):  # it is applied once
        lake.run(last, None, said)
    assert lake.told() == before


def test_while_a_decision_stands_the_evidence_about_its_session_makes_no_row() -> None:
    # The vendor shows the split for the very session only a day later.
    late = SPLIT.with_columns(knowledge_time=pl.lit(known(S3)), drop_id=pl.lit("d99"))
    lake = Runs()
    lake.run(S1, None, decision(hours(S1, -1), "none"))
    lake.run(S3, pl.concat([QUIET, late]), decision(hours(S1, -1), "none"))
    assert [row for row in lake.told() if row[0] == S1] == [(S1, 1.0, "none", "person", hours(S1, -1))]
    assert [row[0] for row in lake.told()] == [S1, S2]  # other sessions are not silenced


def test_an_entry_that_left_the_file_stands_all_the_same() -> None:
    late = SPLIT.with_columns(knowledge_time=pl.lit(known(S3)), drop_id=pl.lit("d99"))
    lake = Runs()
    lake.run(S1, None, decision(hours(S1, -1), "none"))
    lake.run(S3, late)
    assert lake.told() == [(S1, 1.0, "none", "person", hours(S1, -1))]


def test_vendor_gives_back_what_the_evidence_says_by_then() -> None:
    late = SPLIT.with_columns(knowledge_time=pl.lit(known(S2)), drop_id=pl.lit("d99"))
    none, back = decision(hours(S1, -1), "none"), decision(hours(S3, -1), "vendor")
    lake = Runs()
    lake.run(S1, None, none)
    lake.run(S2, late, none)
    lake.run(S3, None, none, back)
    assert lake.told() == [(S1, 1.0, "none", "person", hours(S1, -1)), (S1, 0.5, "split", "vendor", hours(S3, -1))]
    row = lake.tables[CORPORATE_ACTIONS.name].row(-1, named=True)
    assert (row["drop_id"], row["rests_on"]) == (back.drop_id, "vendor, price; person: Ann: because")


def test_vendor_about_a_session_without_evidence_withdraws() -> None:
    lake = Runs()
    decisions = decision(hours(S1, -1), HALF, ex=S3), decision(hours(S4, -1), "vendor", ex=S3)
    lake.run(S4, QUIET, *decisions)
    assert [row[1:4] for row in lake.told() if row[0] == S3] == [
        (0.5, "split", "person"),
        (1.0, "none", "withdrawn"),
    ]


def test_after_vendor_the_evidence_has_its_say_again() -> None:
    first, again = decision(hours(S1, -3), "none"), decision(hours(S1, -2), "vendor")
    lake = Runs()
    lake.run(S1, SPLIT, first, again)
    assert lake.told()[-1] == (S1, 0.5, "split", "vendor", known(S1))


def test_a_later_decision_replaces_an_earlier_one() -> None:
    lake = Runs()
    lake.run(S1, SPLIT, decision(hours(S1, -2), "none"))
    lake.run(S3, QUIET, decision(hours(S1, -2), "none"), decision(hours(S2, 1), HALF))
    assert [row[1:4] for row in lake.told() if row[0] == S1] == [(1.0, "none", "person"), (0.5, "split", "person")]


@pytest.mark.parametrize("late", [hours(S1, -1), known(S1)])
def test_a_decision_that_would_come_too_late_to_count_is_left_out_and_named(late: datetime) -> None:
    lake = Runs()
    lake.run(S1, SPLIT)
    (said,) = lake.run(S2, QUIET, decision(late, "none"), decision(hours(S1, 1), "none", symbol="T"))
    assert "about S 2016-06-07 is not written: decided: expected an instant after 2016-06-07T20:30" in said
    assert "factor 0.5 (vendor)" in said
    assert late.isoformat() in said
    assert [row[1:4] for row in lake.told() if row[0] == S1] == [(0.5, "split", "vendor"), (1.0, "none", "person")]
    lake.run(S2, QUIET, decision(hours(S1, 0.01), "none"))  # what the message says to do
    assert lake.told()[1][:4] == (S1, 1.0, "none", "person")


def test_rows_of_a_session_that_are_no_actions_have_no_say_in_a_decision() -> None:
    lake = Runs()
    lake.run(S1, SPLIT)
    note = lake.tables[CORPORATE_ACTIONS.name].with_columns(kind=pl.lit("wrong_listing"), knowledge_time=known(S3))
    lake.add(CORPORATE_ACTIONS, note)
    lake.run(S4, None, decision(hours(S2, 1), "none"))
    assert lake.told()[1][:4] == (S1, 1.0, "none", "person")


def test_an_entry_that_was_applied_and_edited_is_left_out_and_named() -> None:
    lake = Runs()
    lake.run(S2, SPLIT, decision(hours(S1, 1), "none"))
    there = lake.told()
    (said,) = lake.run(S3, None, decision(hours(S1, 1), HALF))
    assert "An entry that was applied is not edited: add another" in said
    (said,) = lake.run(S3, None, decision(hours(S1, 1), "none"), decision(hours(S1, 0.5), HALF))
    assert "not edited" in said  # so is one that is put before it
    assert lake.told() == there


def test_what_was_known_before_a_decision_is_read_as_before() -> None:
    lake = Runs()
    lake.run(S1, SPLIT)
    lake.run(S3, QUIET, decision(hours(S2, 1), "none"))
    rows = lake.tables[CORPORATE_ACTIONS.name]
    bar = dict.fromkeys(("open", "high", "low", "close"), 100.0) | {
        "symbol": "S", "session": S0, "volume": 10, "knowledge_time": known(S0), "revision": 0,
    }  # fmt: skip
    closes = []
    for at in (known(S2), known(S3)):
        newest = rows.filter((pl.col("knowledge_time") <= at) & (pl.col("ex_session") == S1)).sort("knowledge_time")
        closes.append(adjust(bar, None, newest.tail(1).to_dicts(), None)["close"])
    assert closes == [50.0, 100.0]
    assert decided(rows.filter(pl.col("basis") == "person").to_dicts(), S3) == [
        "2016-06-07: factor 1 (none), person: Ann: because, decided 2016-06-08T21:30:00+00:00"
    ]
    assert decided(rows.to_dicts(), S0) == []


def test_other_symbols_and_sessions_are_not_silenced() -> None:
    lake = Runs()
    lake.run(S1, SPLIT)
    rows = lake.rows(CORPORATE_ACTIONS)
    words = weigh_decisions([decision(hours(S1, -1), "none")], rows.clear(), known(S5)).words
    assert silence(rows, words).is_empty()
    for changes in ({"symbol": pl.lit("T")}, {"ex_session": pl.lit(S2)}):
        assert silence(rows.with_columns(**changes), words).height == 1


ENTRIES = [
    ("A", 30, 40, "none"), ("A", 30, 46, HALF), ("A", 30, 55, "vendor"), ("B", 20, 5, HALF), ("B", 21, 21, "vendor"),
    ("C", 40, 39, Adjustment(factor=0.97, kind="dividend")), ("C", 41, 60, "none"), ("D", 50, 200, "none"),
    ("E", 10, 12, "none"), ("E", 10, 30, "vendor"), ("E", 60, 61, "vendor"),
]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bulk_two_runs_and_day_by_day_leave_the_same_rows(seed: int) -> None:
    sessions = EXCHANGE.between(date(2016, 3, 1), date(2016, 7, 15))
    decisions = [
        decision(
            hours(sessions[min(at, len(sessions) - 1)], -0.5 if at < 100 else 1), action, ex=sessions[ex], symbol=name
        )
        for name, ex, at, action in ENTRIES
    ]
    rows = random_evidence(seed)
    told = {}
    for name, cuts in {"bulk": [-1], "two": [33, -1], "three": [11, 47, -1], "daily": range(len(sessions))}.items():
        lake, since = Runs(), known(date(2000, 1, 3))
        for cut in cuts:
            until = known(sessions[cut])
            new = rows.filter((pl.col("knowledge_time") > since) & (pl.col("knowledge_time") <= until))
            lake.run(sessions[cut], new, *decisions)
            since = until
        told[name] = lake.tables[CORPORATE_ACTIONS.name].sort("knowledge_time", "symbol", "ex_session", "drop_id")
    assert told["bulk"].filter(pl.col("drop_id").str.starts_with("overrides:")).height == len(ENTRIES) - 1
    for name in ("two", "three", "daily"):
        assert told[name].equals(told["bulk"]), name
