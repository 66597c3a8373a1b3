"""Bars, reports and a person's decisions together: the same rows in bulk, in two runs and day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.decide import WINDOW
from afterbell.ingest.actions.opinions import read_opinions
from afterbell.ingest.actions.overrides import Adjustment, Decision
from afterbell.ingest.actions.person import weigh_decisions
from afterbell.ingest.actions.settle import settle_actions
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, EVIDENCE, REPORTED_ACTIONS
from tests.ingest.actions.drops import S0, S1, S2, S3, S4, S5, drop, known, random_evidence
from tests.ingest.actions.memory_lake import BAR_ROWS, MemoryLake
from tests.ingest.actions.test_reports import line
from tests.ingest.shapes import example

EXCHANGE = Exchange("XNYS")
LOW = example("vendor_actions", name="low", rank=-5)
SOURCES = (example("vendor_actions"), LOW, example("vendor_bars"))
LINES: Any = {"factor": pl.Float64, "ratio": pl.Float64, "amount": pl.Float64, "kind": pl.String,
              "knowledge_time": pl.Datetime("us", "UTC")}  # fmt: skip


def bar(session: date, close: float, by: date | None = None, symbol: str = "S", revision: int = 0) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    rest = {"volume": 1000, "revision": revision, "knowledge_time": known(by or session), "drop_id": f"p:{session}"}
    return {"symbol": symbol, "session": session} | prices | rest


class Runs(MemoryLake):
    """Runs, one after another; each takes in what became known since the one before."""

    def __init__(self, evidence: pl.DataFrame, bars: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
        super().__init__()
        self.evidence = evidence
        self.bars = pl.DataFrame(bars, schema=BAR_ROWS)
        self.lines = pl.DataFrame(lines, schema_overrides=LINES)
        self.since = known(date(2000, 1, 3))
        self.refused: list[pl.DataFrame] = []

    def run(self, last: date, *decisions: Decision) -> None:
        until, self.since = self.since, known(last)
        evidence, bars, lines = (self._new(rows, until) for rows in (self.evidence, self.bars, self.lines))
        shown = evidence if evidence.height else None
        first = min([last, *evidence["session"].to_list(), *bars["session"].to_list()])
        there = self.tables[EVIDENCE.name]
        if shown is not None:
            low = EXCHANGE.before(shown["session"].min(), 2 * WINDOW + 1)[0]  # type: ignore[arg-type]
            there = there.filter(pl.col("session") >= low)
        found = weigh_decisions(decisions, self.tables[CORPORATE_ACTIONS.name], known(last))
        self.add(BARS, bars)  # a run reads them from the files it has written
        base: Any = self
        opinions = read_opinions(base, SOURCES, lines if lines.height else None, (first, last), known(last), ())
        made, refused = settle_actions(base, there, shown, found, opinions)
        self.add(EVIDENCE, shown)
        self.add(REPORTED_ACTIONS, opinions.fresh)
        self.add(CORPORATE_ACTIONS, made)
        if refused is not None:
            self.refused.append(refused)

    def _new(self, rows: pl.DataFrame, until: datetime) -> pl.DataFrame:
        if rows.is_empty():
            return rows
        return rows.filter((pl.col("knowledge_time") > until) & (pl.col("knowledge_time") <= self.since))

    def told(self) -> list[tuple[Any, ...]]:
        rows = self.tables[CORPORATE_ACTIONS.name].sort("knowledge_time", "symbol", "ex_session")
        return rows.select("ex_session", "factor", "basis", "rests_on", "knowledge_time").rows()


NOTHING = drop(S1, (S0, 100.0, 100.0), 100.0)
SPLIT = drop(S1, (S0, 100.00, 50.00), 51.00)
FOUR = {"kind": "S", "ratio": 4.0}


def at(day: date) -> datetime:
    """When the reports of a day are known."""
    return known(day) - timedelta(minutes=15)


def runs(
    evidence: pl.DataFrame, lines: list[dict[str, Any]], bars: Iterable[dict[str, Any]] = (), last: date = S5
) -> Runs:
    lake = Runs(evidence, list(bars), lines)
    for session in EXCHANGE.between(S1, last):
        lake.run(session)
    return lake


def test_a_report_of_the_day_and_what_bars_show_make_one_action() -> None:
    lake = runs(SPLIT, [line("S", S1, S1, **FOUR)])
    assert lake.told() == [(S1, 0.25, "reported", "vendor_actions", when) for when in (at(S1), known(S1))]
    # What bars show a quarter of an hour later says otherwise.
    assert lake.tables[CORPORATE_ACTIONS.name].sort("knowledge_time")["confidence"].to_list() == [0.95, 0.9]
    (agreed,) = runs(SPLIT, [line("S", S1, S1, kind="S", ratio=2.0)]).told()[1:]
    assert agreed == (S1, 0.5, "reported", "vendor_actions, vendor, price", known(S1))


def test_an_announced_action_waits_for_its_ex_session() -> None:
    lines = [line("S", S3, S1, **FOUR)]
    assert runs(NOTHING, lines, last=S2).told() == []
    assert runs(NOTHING, lines, last=S3).told() == [(S3, 0.25, "reported", "vendor_actions", at(S3))]


def test_an_amount_waits_for_the_close_before_and_is_refused_if_it_is_no_less() -> None:
    lines = [line("S", S2, S1, kind="D", amount=2.5)]
    assert runs(NOTHING, lines, [bar(S0, 100.0)]).told() == []
    assert runs(NOTHING, lines, [bar(S1, 100.0)]).told() == [(S2, 0.975, "reported", "vendor_actions", at(S2))]
    assert runs(NOTHING, lines, [bar(S1, 100.0, by=S4)]).told() == [
        (S2, 0.975, "reported", "vendor_actions", known(S4))
    ]
    lake = runs(NOTHING, lines, [bar(S1, 2.5)])
    assert lake.told() == []
    (refused,) = pl.concat(lake.refused).unique().select("drop_id", "amount", "close").rows()
    assert refused == ("vendor_actions:20160607:a", 2.5, 2.5)


def test_a_report_long_after_its_ex_session_corrects_what_bars_showed() -> None:
    late = date(2016, 9, 1)
    lake = Runs(SPLIT, [], [line("S", S1, late, **FOUR), line("T", S1, late, **FOUR)])
    for session in (S1, S2, late):
        lake.run(session)
    assert [row[:3] for row in lake.told()] == [(S1, 0.5, "vendor"), (S1, 0.25, "reported"), (S1, 0.25, "reported")]
    assert [row[4] for row in lake.told()][1:] == [at(late)] * 2


def test_the_same_report_again_and_a_run_again_write_nothing_new() -> None:
    lake = runs(SPLIT, [line("S", S1, by, **FOUR) for by in (S1, S2, S3)])
    assert lake.told() == runs(SPLIT, [line("S", S1, S1, **FOUR)]).told()
    assert lake.tables[REPORTED_ACTIONS.name].height == 1
    before = lake.told()
    lake.run(S5)
    assert lake.told() == before


def test_a_run_that_broke_off_before_the_actions_were_published_writes_them_when_it_is_tried_again() -> None:
    late = date(2016, 9, 1)
    lake = Runs(SPLIT, [], [line("S", S1, late, **FOUR)])
    lake.run(S2)
    before = lake.tables[CORPORATE_ACTIONS.name]
    since = lake.since
    lake.run(late)
    whole, lake.tables[CORPORATE_ACTIONS.name], lake.since = lake.told(), before, since
    lake.run(late)
    assert lake.told() == whole
    assert len(whole) == 2


def test_a_person_has_the_last_word_and_gives_it_back_to_both() -> None:
    none = Decision(symbol="S", ex_session=S1, decided=at(S1) - timedelta(hours=1), by="A", reason="why", action="none")
    back = none.model_copy(update={"decided": known(S2) + timedelta(hours=1), "action": "vendor"})
    lake = Runs(SPLIT, [], [line("S", S1, S2, **FOUR)])
    for session in (S1, S2, S3):
        lake.run(session, none, back)
    assert [row[1:3] for row in lake.told()] == [(1.0, "person"), (0.25, "reported")]
    assert lake.told()[-1][3:] == ("vendor_actions; person: A: why", back.decided)


SHOWN = (S1, 0.5, "vendor", "vendor, price", known(S1))


@pytest.mark.parametrize(
    ("reported", "rows"),
    [
        (line("S", S1, S1, **FOUR), [SHOWN, (S1, 0.25, "reported", "vendor_actions", known(S4))]),
        (line("S", S1, S1, kind="S", ratio=1.0), [SHOWN, (S1, 1.0, "reported", "vendor_actions", known(S4))]),
        (line("S", S1, S1, kind="S", ratio=2.0), [SHOWN]),  # it agrees
        # Known after what bars showed, it changes what was believed from then on.
        (line("S", S2, S1, kind="S", ratio=2.0), [SHOWN, (S1, 1.0, "withdrawn", "", at(S2))]),
        (line("S", S1, S1, source="low", **FOUR), [(S1, 0.25, "reported", "low", at(S1)), SHOWN]),  # it filled before
    ],
)
def test_a_source_that_is_added_later_corrects_and_rewrites_no_row(
    reported: dict[str, Any], rows: list[tuple[Any, ...]]
) -> None:
    lake = Runs(SPLIT, [], [])
    lake.run(S3)
    # Its drops of old count as known on their own days, before what the lake came to believe without them.
    lake.evidence, lake.lines = SPLIT.clear(), pl.DataFrame([reported], schema_overrides=LINES)
    lake.since = known(date(2000, 1, 3))
    lake.run(S4)
    assert [row for row in lake.told() if row[0] == S1] == rows
    before = lake.told()
    lake.run(S5)
    assert lake.told() == before


def test_a_correction_of_the_very_instant_comes_after_it() -> None:
    lake = Runs(SPLIT, [], [])
    lake.run(S1)
    lake.evidence, lake.lines = SPLIT.clear(), pl.DataFrame([line("S", S1, S1, **FOUR)], schema_overrides=LINES)
    lake.since = known(date(2000, 1, 3))
    lake.run(S1)
    assert lake.told()[-1][:3] == (S1, 0.25, "reported")
    assert lake.told()[-1][4] == known(S1) + timedelta(microseconds=1)


def random_world(seed: int) -> tuple[pl.DataFrame, list[dict[str, Any]], list[dict[str, Any]]]:
    """Five symbols: evidence, bars of which some come late or are told anew, reports true, false, early and late."""
    rng = np.random.default_rng(seed)
    sessions = EXCHANGE.between(date(2016, 3, 1), date(2016, 6, 30))
    evidence = random_evidence(seed)
    bars: list[dict[str, Any]] = []
    for symbol in "ABCDE":
        for nth, session in enumerate(sessions):
            close = float(np.round(rng.uniform(40, 60), 2))
            by = sessions[min(nth + int(rng.choice([0, 0, 0, 3])), len(sessions) - 1)]
            bars.append(bar(session, close, by, symbol))
            if rng.random() < 0.2 and nth + 4 < len(sessions):
                bars.append(bar(session, close + 1, sessions[nth + 4], symbol, 1))
    shown = evidence.filter(pl.col("factor") != 1.0).select("symbol", "session", "factor").rows()
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for _ in range(120):
        symbol, ex, factor = shown[int(rng.integers(len(shown)))]
        if rng.random() < 0.3:
            factor = float(rng.choice([1.0, 0.5, 5.0, 0.97]))
        place = sessions.index(ex) + int(rng.choice([0, 0, 0, 1, 2, -3]))
        told = place + int(rng.choice([0, 0, -4, 3, 12, 40]))
        if not (0 < place < len(sessions) and 0 <= told < len(sessions)):
            continue
        values: dict[str, Any] = {"kind": "S", "ratio": 1 / factor}
        if rng.random() < 0.3:
            values = {"kind": "D", "amount": float(rng.choice([0.25, 1.5, 70.0]))}
        source = str(rng.choice(["vendor_actions", "low"]))
        lines[symbol, place, told, source] = line(symbol, sessions[place], sessions[told], source, **values)
    return evidence, bars, list(lines.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bulk_two_runs_and_day_by_day_leave_the_same_rows(seed: int) -> None:
    world = random_world(seed)
    sessions = EXCHANGE.between(date(2016, 3, 1), date(2016, 7, 15))
    decisions = [
        Decision(symbol=name, ex_session=sessions[ex], decided=known(sessions[when]) - timedelta(hours=1), by="A",
                 reason="why", action=action)
        for name, ex, when, action in (
            ("A", 30, 40, "none"), ("A", 30, 55, "vendor"), ("B", 21, 22, "vendor"), ("C", 40, 39, "none"),
            ("D", 50, 52, Adjustment(factor=0.97, kind="dividend")),
        )
    ]  # fmt: skip
    told, refused = {}, {}
    for name, cuts in {"bulk": [-1], "two": [33, -1], "three": [11, 47, -1], "daily": range(len(sessions))}.items():
        lake = Runs(*world)
        for cut in cuts:
            lake.run(sessions[cut], *decisions)
        order = ["knowledge_time", "symbol", "ex_session", "drop_id"]
        told[name] = lake.tables[CORPORATE_ACTIONS.name].sort(order)
        refused[name] = pl.concat(lake.refused).unique().sort("drop_id", "symbol", "ex_session")
    bulk = told["bulk"]
    assert {"vendor", "reported", "withdrawn", "person"} <= set(bulk["basis"])
    assert bulk.filter(pl.col("rests_on").str.contains("vendor.*low")).height > 0  # a witness
    assert refused["bulk"].height > 0
    for name in ("two", "three", "daily"):
        assert told[name].rows() == bulk.rows(), name
        assert refused[name].equals(refused["bulk"]), name
