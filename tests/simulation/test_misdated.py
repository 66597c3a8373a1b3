"""Actions shown on the wrong session are found where they truly took effect."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, date, datetime

import polars as pl
import pytest

from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import corporate_actions
from afterbell.simulation.market import MarketSpec
from tests.simulation.reading import market_of, panel_of, price_drops, text_of

SPEC = MarketSpec(symbols=400, sessions=260, faults=False, misdated=True)
PLAIN = MarketSpec(symbols=400, sessions=260, faults=False)


@pytest.fixture(scope="module")
def found() -> pl.DataFrame:
    """What is believed of every symbol and ex-session in the end."""
    _, drops = market_of(SPEC)
    frames = []
    for drop in price_drops(drops):
        rows = pl.read_csv(io.StringIO(text_of(drop)), try_parse_dates=True).rename({"date": "session"})
        known = datetime.strptime(drop.key[-15:-7], "%Y%m%d").replace(hour=21, tzinfo=UTC)
        frames.append(evidence.show(rows).with_columns(knowledge_time=known, drop_id=pl.lit(drop.key)))
    told = corporate_actions(pl.concat(frames, how="vertical_relaxed"))
    newest = told.unique(["symbol", "ex_session"], keep="last", maintain_order=True)
    return newest.filter(pl.col("factor") != 1.0)


def test_misdating_changes_what_is_shown_and_not_what_is() -> None:
    market, _ = market_of(SPEC)
    plain, _ = market_of(PLAIN)
    assert (market.bars.close == plain.bars.close).all()
    assert market.truth.splits == plain.truth.splits
    kinds = Counter(fault.kind for fault in market.truth.faults)
    assert set(kinds) == {"action_early", "action_twice", "action_late", "action_missed"}
    shown = panel_of(SPEC).factor
    days = [day.isoformat() for day in market.dates]
    truth = {(event.symbol, event.session): event.factor for event in market.truth.splits + market.truth.dividends}
    for fault in market.truth.faults:
        assert fault.symbol is not None
        factor, at = truth[fault.symbol, fault.session], days.index(fault.session)
        around = [shown.loc[days[at + step], fault.symbol] for step in (-1, 0, 1)]
        expected = {
            "action_early": [factor, 1, 1], "action_twice": [factor, factor, 1], "action_late": [1, 1, factor],
            "action_missed": [1, 1, 1],
        }[fault.kind]  # fmt: skip
        assert around == pytest.approx(expected, rel=1e-3)


def test_every_action_that_is_shown_at_all_is_found_on_its_ex_session(found: pl.DataFrame) -> None:
    market, _ = market_of(SPEC)
    missed = {(fault.symbol, fault.session) for fault in market.truth.faults if fault.kind == "action_missed"}
    truth = {(event.symbol, event.session): event.factor for event in market.truth.splits + market.truth.dividends}
    told = {(row["symbol"], row["ex_session"].isoformat()): row["factor"] for row in found.iter_rows(named=True)}
    assert told.keys() - truth.keys() == set()  # nothing is made up
    # A dividend of less than a cent of the adjusted close can't be seen.
    unseen = {key for key in truth.keys() - told.keys() if abs((truth[key] or 1) - 1) > 1e-3}
    assert unseen <= missed
    for key, factor in told.items():
        assert factor == pytest.approx(truth[key], rel=2e-3)


def test_most_splits_that_the_vendor_misses_are_found_from_the_price(found: pl.DataFrame) -> None:
    market, _ = market_of(SPEC)
    missed = [fault for fault in market.truth.faults if fault.kind == "action_missed"]
    priced = {
        (row[0], row[1].isoformat())
        for row in found.filter(pl.col("basis") == "price").select("symbol", "ex_session").iter_rows()
    }
    assert len(missed) >= 4
    share = sum((fault.symbol, fault.session) in priced for fault in missed) / len(missed)
    assert share >= 0.5


def test_each_basis_says_how_an_action_became_known(found: pl.DataFrame) -> None:
    market, _ = market_of(SPEC)
    basis = {(row["symbol"], row["ex_session"].isoformat()): row["basis"] for row in found.iter_rows(named=True)}
    splits = {(event.symbol, event.session) for event in market.truth.splits}
    for fault in market.truth.faults:
        key = (fault.symbol or "", fault.session)
        if key in splits and fault.kind in {"action_early", "action_late"}:
            assert basis[key] == "vendor_moved"
        elif fault.kind == "action_twice":
            assert basis[key] == "vendor"
    assert date(2026, 6, 30) == market.dates[-1]
