"""What is known of 180 corporate actions of the real drops, against what is believed of them.

``events.csv`` was written by hand: dollars a share of a dividend as its company announced it, old shares for a new one
of a split, and of a spin-off the factor. Its last column names the witness: the company's announcement, or two readings
of the raw files (the traded prices of the two sessions, and the shares of the earlier one in two drops).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import WINDOW, corporate_actions
from afterbell.ingest.actions.past import complete, find_changed_bars, previous_sessions
from afterbell.ingest.revisions import number_revisions

pytestmark = pytest.mark.market

EXCHANGE = Exchange("XNYS")
NOT_SHOWN = {("INTC", date(2015, 5, 5)), ("MCD", date(2015, 5, 28))}
"""Dividends that the drops lack: adjusted and traded close are equal in both drops about the session before."""


AS_WELL = {("FREE", day) for day in (date(2015, 6, 26), date(2016, 1, 15), date(2016, 4, 14))}
"""Its reverse splits of 50, 60 and 200 for one, all shown by the vendor."""


class Event(NamedTuple):
    """One line of the table."""

    symbol: str
    session: date
    kind: str
    value: float
    source: str


def events() -> list[Event]:
    with (Path(__file__).parent / "events.csv").open(encoding="utf-8") as file:
        return [
            Event(
                row["symbol"], date.fromisoformat(row["ex_session"]), row["kind"], _number(row["value"]), row["source"]
            )
            for row in csv.DictReader(file)
        ]


def _number(text: str) -> float:
    return float(Fraction(text)) if "/" in text else float(text)


@pytest.fixture(scope="module")
def delivered(market_drops: Path) -> pl.DataFrame:
    """All rows about the symbols of the table."""
    return deliver(market_drops, sorted({event.symbol for event in events()}))


def deliver(market_drops: Path, symbols: list[str]) -> pl.DataFrame:
    """All rows about some symbols, with the drop's session, as a lake would know them."""
    frames = []
    for path in sorted(market_drops.glob("s3/prices/*/*.csv.gz")):
        session = date(int(path.name[:4]), int(path.name[4:6]), int(path.name[6:8]))
        if EXCHANGE.is_session(session) and path.stat().st_size > 100:  # one is of a holiday, one empty
            rows = pl.read_csv(path, infer_schema=False).filter(pl.col("symbol").is_in(symbols))  # a header stands amid
            frames.append(rows.with_columns(by=pl.lit(session)))
    rows = pl.concat(frames).rename({"date": "session"})
    prices = pl.col("open", "high", "low", "close", "adj_close").cast(pl.Float64)
    rows = rows.with_columns(pl.col("session").str.to_date(), pl.col("volume").cast(pl.Int64), prices)
    sessions = pl.Series(EXCHANGE.between(date(2015, 3, 20), date(2016, 6, 30)))
    rows = rows.filter(pl.col("session").is_in(sessions.implode()))
    rows = rows.unique(["by", "symbol", "session"], keep="last", maintain_order=True)
    known = (pl.col("by").cast(pl.Datetime("us")) + timedelta(hours=20)).dt.replace_time_zone("UTC")
    return rows.with_columns(
        knowledge_time=known,
        drop_id=pl.format("prices:{}:a", pl.col("by").dt.strftime("%Y%m%d")),
        drop=(pl.col("by").rank("dense") - 1).cast(pl.UInt32),
        known=pl.lit(value=False),
        late=pl.lit(value=False),
    )


class Lake:
    """What runs leave behind: revisions of bars, evidence, and the actions that follow."""

    def __init__(self) -> None:
        self.bars, self.shown, self.actions = pl.DataFrame(), pl.DataFrame(), pl.DataFrame()

    def run(self, rows: pl.DataFrame) -> None:
        """Take in some drops as an ingest does."""
        previous = previous_sessions(rows["session"].to_list(), EXCHANGE)
        stamps = rows.select("drop", "knowledge_time", "drop_id").unique("drop")
        shown = evidence.show(rows, previous=previous).join(stamps, on="drop", maintain_order="left").drop("drop")
        new, there = rows.drop("drop", "by"), self.bars
        if there.height:
            old = there.filter(pl.col("session").is_in(rows["session"].unique().implode()))
            old = old.with_columns(known=pl.lit(value=True), late=pl.lit(value=False))
            new = pl.concat([new, old], how="diagonal")
        made = number_revisions(new).drop("known", "late")
        told = find_changed_bars(made, there if there.height else made.head(0), EXCHANGE)
        self.bars = pl.concat([there, made.select(there.columns or made.columns)]) if there.height else made
        known = self._near(shown, rows["session"].min())  # type: ignore[arg-type]
        shown = complete(shown, told, known, self.bars)
        if shown.is_empty():
            return
        found = corporate_actions(pl.concat([known.select(shown.columns), shown]))
        found = found.filter(pl.col("knowledge_time") >= shown["knowledge_time"].min())
        if self.actions.height:
            found = found.join(self.actions, on=found.columns, how="anti")
        self.shown = pl.concat([self.shown, shown]) if self.shown.height else shown
        self.actions = pl.concat([self.actions, found]) if self.actions.height else found

    def _near(self, shown: pl.DataFrame, first: date) -> pl.DataFrame:
        if self.shown.is_empty():
            return shown.head(0)
        return self.shown.filter(pl.col("session") >= EXCHANGE.before(first, 2 * WINDOW + 1)[0])

    def believed(self) -> dict[tuple[str, date], tuple[float, str]]:
        """Factor and kind by symbol and ex-session, at the end."""
        newest = self.actions.sort("knowledge_time").unique(["symbol", "ex_session"], keep="last")
        rows = newest.select("symbol", "ex_session", "factor", "kind").iter_rows()
        return {(symbol, session): (factor, kind) for symbol, session, factor, kind in rows}


@pytest.fixture(scope="module")
def bulk(delivered: pl.DataFrame) -> Lake:
    """All drops in one run."""
    lake = Lake()
    lake.run(delivered)
    return lake


def _expected(event: Event, bars: pl.DataFrame) -> tuple[float, str]:
    if event.kind == "split":
        return event.value, "split"
    if event.kind == "spin-off":
        return event.value, "dividend"
    before = bars.filter((pl.col("symbol") == event.symbol) & (pl.col("session") == EXCHANGE.previous(event.session)))
    close = float(before.sort("knowledge_time", "revision")["close"][-1])
    return (close - event.value) / close, "dividend"


def _wrong(lake: Lake) -> Iterator[Event]:
    believed = lake.believed()
    for event in events():
        factor, kind = _expected(event, lake.bars)
        found, found_kind = believed.get((event.symbol, event.session), (1.0, ""))
        if kind != found_kind or abs(found / factor - 1) > 1e-3:
            yield event


def test_known_actions_are_right_in_session_kind_and_factor(bulk: Lake) -> None:
    assert len(events()) >= 120
    wrong = {(event.symbol, event.session) for event in _wrong(bulk)}
    assert wrong == NOT_SHOWN
    assert len(wrong) <= 0.02 * len(events())


def test_these_symbols_have_no_other_actions_far_from_one(bulk: Lake) -> None:
    far = {key for key, (factor, _) in bulk.believed().items() if abs(factor - 1) > 0.15}
    assert far - {(event.symbol, event.session) for event in events()} == AS_WELL


@pytest.mark.parametrize("cut", [date(2015, 6, 10), date(2015, 7, 2), date(2015, 11, 16)])
def test_two_runs_leave_the_rows_of_one(delivered: pl.DataFrame, bulk: Lake, cut: date) -> None:
    lake = Lake()
    lake.run(delivered.filter(pl.col("by") <= cut))
    lake.run(delivered.filter(pl.col("by") > cut))
    _same(lake, bulk)


def test_fifty_sessions_day_by_day_leave_the_rows_of_one_run(delivered: pl.DataFrame) -> None:
    # With the empty drop, the drop of a holiday, the one of a single session, and bars told late or otherwise.
    few = delivered.filter(pl.col("by").is_between(date(2015, 5, 26), date(2015, 8, 5)))
    bulk, daily = Lake(), Lake()
    bulk.run(few)
    for (_,), rows in few.group_by("by", maintain_order=True):
        daily.run(rows)
    assert few["by"].n_unique() >= 48
    _same(daily, bulk)


def _same(one: Lake, other: Lake) -> None:
    order = ["knowledge_time", "symbol", "ex_session"]
    assert one.actions.sort(order).equals(other.actions.sort(order))
    keys = ["knowledge_time", "symbol", "session", "drop_id"]
    assert one.shown.sort(keys).equals(other.shown.sort(keys))
