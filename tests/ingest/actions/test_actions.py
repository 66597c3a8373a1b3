"""When a split or a dividend takes effect, by hand: cases as real feeds have them, and the same answer in any order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import ACTIONS, INFLUENCE, WINDOW, corporate_actions

# Consecutive sessions: Monday to Friday, and the Monday after.
S0, S1, S2, S3, S4, S5 = (date(2016, 6, day) for day in (6, 7, 8, 9, 10, 13))
FELL = (S0, 20.00, 20.00)  # to 17.00: remembered, and no action


def known(session: date) -> datetime:
    return datetime(session.year, session.month, session.day, 20, 30, tzinfo=UTC)


def drop(session: date, before: tuple[date, float, float], price: float, **bar: Any) -> pl.DataFrame:
    """The evidence of a drop with one symbol: (session before, its close, its adjusted close), then the new close."""
    day, close, adjusted = before
    volumes = bar.pop("volumes", (100_000, 100_000))
    opened = bar.get("open", price)
    rows = [
        ("S", day, close, close, close, close, volumes[0], adjusted),
        ("S", session, opened, max(opened, price), min(opened, price), price, volumes[1], bar.get("adjusted", price)),
    ]
    schema = ["symbol", "session", "open", "high", "low", "close", "volume", "adj_close"]
    shown = evidence.show(pl.DataFrame(rows, schema=schema, orient="row"))
    return shown.with_columns(knowledge_time=known(session), drop_id=pl.lit(f"d{session:%d}"))


def revisions(*told: tuple[date, float, int, date]) -> pl.DataFrame:
    """Bars of one symbol as several drops tell them: session, price, shares, and the drop's session."""
    seen: dict[date, int] = {}
    rows = []
    for session, price, volume, by in told:
        nth = seen[session] = seen.get(session, -1) + 1
        rows.append(("S", session, price, price, price, price, volume, known(by), nth, f"d{by.day}"))
    columns = ["symbol", "session", "open", "high", "low", "close", "volume", "knowledge_time", "revision", "drop_id"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def told(*drops: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Ex-session, factor, kind, basis and the session whose drop made it known."""
    rows = corporate_actions(pl.concat(drops))
    return [
        (
            row["ex_session"],
            pytest.approx(row["factor"], abs=1e-9),
            row["kind"],
            row["basis"],
            row["knowledge_time"].date(),
        )
        for row in rows.iter_rows(named=True)
    ]


@pytest.mark.parametrize(
    ("shown", "factor", "kind"),
    [
        (drop(S1, (S0, 100.00, 50.00), 51.00), 0.5, "split"),  # 2:1
        (drop(S1, (S0, 95.23, 47.62), 47.10), 0.5, "split"),  # 2:1, rounded to the cent: 0.50005
        (drop(S1, (S0, 90.00, 60.00), 61.00), 2 / 3, "split"),  # 3:2
        (drop(S1, (S0, 0.31, 6.20), 6.05), 20.0, "split"),  # 1:20
        (drop(S1, (S0, 20.00, 19.50), 19.40), 0.975, "dividend"),  # half a dollar
        (drop(S1, (S0, 20.00, 19.99), 20.00), 0.9995, "dividend"),  # one cent
        (drop(S1, (S0, 21.00, 20.00), 20.10), 20 / 21, "dividend"),  # a stock dividend of 5 %: told like cash
        (drop(S1, (S0, 20.00, 10.70), 10.60), 0.535, "dividend"),  # a spin-off: no ratio of small integers
    ],
)
def test_a_factor_takes_effect_on_the_session_that_the_vendor_and_the_price_name(
    shown: pl.DataFrame, factor: float, kind: str
) -> None:
    assert told(shown) == [(S1, factor, kind, "vendor", S1)]


@pytest.mark.parametrize(
    "shown",
    [
        drop(S1, (S0, 100.00, 100.00), 103.00),
        drop(S1, (S0, 33.33, 11.11), 33.37, adjusted=11.12),  # both adjusted by a later 3:1: 1.0003 is rounding
        drop(S1, (S0, 7.01, 3.51), 7.03, adjusted=3.51),  # likewise 2:1
        drop(S1, (S0, 100.00, 100.00), 45.00, open=60.00, volumes=(100_000, 4_000_000)),  # a crash
        drop(S1, (S0, 40.00, 40.00), 20.10, volumes=(100_000, 5_000_000)),  # a crash that lands on the ratio
        drop(S1, (S0, 20.00, 20.00), 41.00, volumes=(100_000, 2_000_000)),  # bought at twice the price
        drop(S1, (S0, 48.11, 48.11), 4.78, volumes=(391_700, 349_900)),  # another unit: shares don't scale
    ],
)
def test_no_action_is_made_up(shown: pl.DataFrame) -> None:
    assert told(shown) == []


@pytest.mark.parametrize(
    ("shown", "told_first", "factor", "kind"),
    [
        (drop(S1, (S0, 2.66, 20.00), 19.60), None, 20.00 / 2.66, "split"),  # 7.519 old shares for a new one
        (drop(S1, (S0, 1.00, 13.51), 13.20), None, 13.51, "split"),
        (drop(S1, (S0, 100.00, 103.95), 104.10), None, 1.0395, "split"),  # shares put together beside a payout
        (drop(S1, (S0, 100.00, 75.00), 75.40), None, 0.75, "dividend"),  # a payout of a quarter, shares as usual
        (drop(S1, (S0, 100.00, 75.00), 75.40, volumes=(100_000, 140_000)), None, 0.75, "split"),  # 4:3, in new shares
        (drop(S1, (S0, 100.00, 80.00), 80.40, volumes=(125_000, 99_000)), 100_000, 0.8, "split"),  # 5:4, told anew
        (drop(S1, (S0, 100.00, 80.00), 80.40, volumes=(100_000, 101_000)), 100_000, 0.8, "dividend"),
        (drop(S1, (S0, 39.80, 34.61), 36.80, volumes=(115_000, 90_000)), 100_000, 1 / 1.15, "split"),  # 15 % in shares
        (drop(S1, (S0, 39.80, 34.61), 36.80, volumes=(100_000, 90_000)), 100_000, 34.61 / 39.80, "dividend"),
        (drop(S1, (S0, 69.93, 37.98), 38.86, volumes=(184_000, 240_000)), 100_000, 37.98 / 69.93, "dividend"),  # BAX
    ],
)
def test_shares_tell_a_split_from_a_payout(
    shown: pl.DataFrame, told_first: int | None, factor: float, kind: str
) -> None:
    known_first = shown.with_columns(volume_told=pl.lit(told_first, pl.Int64))
    assert told(known_first) == [(S1, factor, kind, "vendor", S1)]


def test_a_claim_beside_a_stale_bar_is_judged_again_when_the_next_drop_tells_the_bar() -> None:
    # A fund split four for one in reverse: the drop of the day still has the bar of the day before.
    stale = drop(S1, (S0, 4.10, 16.40), 4.10)
    bars = revisions((S1, 4.10, 100_000, S1), (S1, 16.25, 40_000, S2))
    assert told(stale) == []
    again = evidence.restate(stale, evidence.restated_bars(bars, bars, {S1: S0}))
    assert told(stale, again) == [(S1, 4.0, "split", "vendor", S2)]


def test_what_hangs_on_a_bar_is_judged_again_when_that_bar_is_told_anew_later() -> None:
    # One session a drop: 50 where 100 was meant, which a second delivery of that day puts right two days later.
    wrong, after = drop(S1, (S0, 100.00, 100.00), 50.00), drop(S2, (S1, 50.00, 50.00), 101.00)
    bars = revisions((S1, 50.00, 100_000, S1), (S1, 100.50, 100_000, S3))
    again = evidence.restate(pl.concat([wrong, after]), evidence.restated_bars(bars, bars, {S1: S0}))
    assert again.select("session", "close_before", "close").rows() == [(S1, 100.00, 100.50), (S2, 100.50, 101.00)]


def test_a_drop_of_one_session_is_compared_with_what_the_lake_holds() -> None:
    bar = {"symbol": "S", "session": S1, "open": 50.0, "high": 50.6, "low": 49.9, "close": 50.2, "volume": 2_050_000}
    alone = pl.DataFrame([bar])
    assert evidence.show(alone).is_empty()  # without the calendar nobody knows which session came before
    shown = evidence.show(alone, previous={S1: S0}).with_columns(knowledge_time=known(S1), drop_id=pl.lit("d7"))
    assert evidence.missing_bars(shown).rows() == [("S", S0)]
    lake = revisions((S0, 100.0, 1_000_000, S0))
    assert told(evidence.fill_before(shown, lake)) == [(S1, 0.5, "split", "price", S1)]
    quiet = revisions((S0, 50.9, 1_000_000, S0))
    assert evidence.fill_before(shown, quiet).is_empty()


def test_a_ratio_that_cannot_be_told_is_named_and_adjusts_nothing() -> None:
    assert told(drop(S1, (S0, 1.00, 1.00), 6.50, volumes=(650_000, 100_000))) == [(S1, 1.0, "split", "undecided", S1)]


def test_an_action_says_how_sure_it_is_and_what_it_rests_on() -> None:
    shown = [
        drop(S1, (S0, 100.00, 50.00), 51.00, volumes=(200_000, 210_000)).with_columns(
            volume_told=pl.lit(100_000, pl.Int64)
        ),
        drop(S1, (S0, 100.00, 50.00), 51.00).with_columns(symbol=pl.lit("T")),
        drop(S1, (S0, 20.00, 19.50), 19.40).with_columns(symbol=pl.lit("U")),
        drop(S1, (S0, 100.00, 100.00), 50.20, volumes=(1_000_000, 2_050_000)).with_columns(symbol=pl.lit("V")),
    ]
    rows = corporate_actions(pl.concat(shown)).select("symbol", "rests_on", "confidence").rows()
    assert [row[:2] for row in rows] == [
        ("S", "vendor, price, shares"), ("T", "vendor, price"), ("U", "vendor"), ("V", "price, shares"),
    ]  # fmt: skip
    assert rows[0][2] > rows[1][2] > rows[2][2] > 0.9
    assert 0.9 < rows[3][2] < 1.0


def test_a_dividend_with_nothing_near_it_is_told_when_it_becomes_known_and_not_again() -> None:
    paid = drop(S1, (S0, 20.00, 19.50), 19.40)
    assert told(paid) == [(S1, 0.975, "dividend", "vendor", S1)]
    assert corporate_actions(paid.with_columns(known=True)).is_empty()


def test_what_becomes_known_at_one_instant_is_told_by_the_drop_of_the_last_session_however_far_apart() -> None:
    paid, moved = drop(S0 - timedelta(days=30), (S0 - timedelta(days=31), 20.00, 19.50), 19.40), drop(S1, FELL, 17.00)
    late = pl.concat([paid, moved]).with_columns(knowledge_time=known(S1))
    assert corporate_actions(late).select("ex_session", "drop_id").rows() == [(S0 - timedelta(days=30), "d07")]


def test_a_split_shown_a_session_early_and_again_on_the_day_is_one() -> None:
    early = drop(S1, (S0, 2.08, 10.40), 1.93)  # adjusted by 5, and the price stays
    again = drop(S2, (S1, 1.93, 9.65), 10.00)
    assert told(early) == []  # an adjustment seen before its ex-session changes nothing yet
    assert told(early, again) == [(S2, 5.0, "split", "vendor", S2)]


def test_a_split_shown_early_only_takes_effect_where_the_price_moves() -> None:
    early = drop(S1, (S0, 80.00, 40.00), 81.00)
    day = drop(S2, (S1, 81.00, 81.00), 40.00, volumes=(100_000, 900_000))
    assert told(early, day) == [(S2, 0.5, "split", "vendor_moved", S2)]


def test_a_split_shown_late_takes_effect_where_the_price_moved_and_is_known_late() -> None:
    # Volume is too high for a split to be believed from the price alone.
    day = drop(S1, (S0, 80.00, 80.00), 40.00, volumes=(100_000, 900_000))
    late = drop(S2, (S1, 40.00, 20.00), 40.50)
    assert told(day, late) == [(S1, 0.5, "split", "vendor_moved", S2)]


def test_a_split_that_the_vendor_misses_is_believed_from_the_price() -> None:
    # CF, 5:1 on 2015-06-18, as delivered.
    day = drop(S1, (S0, 316.68, 316.68), 64.25, open=63.37, volumes=(860_700, 2_587_700))
    assert told(day) == [(S1, 0.2, "split", "price", S1)]


def test_a_reverse_split_that_the_vendor_misses_shows_in_fewer_shares() -> None:
    # SMT, 1:10 on 2016-05-12, as delivered.
    assert told(drop(S1, (S0, 0.42, 0.42), 4.10, open=4.20, volumes=(107_900, 9_500))) == [
        (S1, 10.0, "split", "price", S1)
    ]


def test_a_split_believed_from_the_price_is_withdrawn_when_the_price_goes_back() -> None:
    fall = drop(S1, (S0, 100.00, 100.00), 50.00)
    back = drop(S2, (S1, 50.00, 50.00), 99.00)
    assert told(fall, back) == [
        (S1, 0.5, "split", "price", S1),
        (S1, 1.0, "split", "withdrawn", S2),
    ]


def test_what_the_vendor_says_later_confirms_a_split_believed_from_the_price() -> None:
    day = drop(S1, (S0, 80.01, 80.01), 40.00)
    late = drop(S2, (S1, 40.00, 20.00), 40.50)
    assert [row[:2] for row in told(day, late)] == [(S1, 0.5), (S1, 0.5)]


def test_the_same_dividend_shown_twice_counts_once_on_the_newer_session() -> None:
    first = drop(S1, (S0, 40.00, 39.60), 40.10)
    again = drop(S2, (S1, 40.10, 39.70), 39.80)
    assert told(first, again) == [
        (S1, 0.99, "dividend", "vendor", S1),
        (S1, 1.0, "dividend", "withdrawn", S2),
        (S2, pytest.approx(39.70 / 40.10, abs=1e-9), "dividend", "vendor", S2),
    ]


def test_the_same_amount_a_week_later_is_the_same_dividend() -> None:
    # NSC, 0.59 on 2015-04-29 and again on 05-06, of which the later is the day.
    early = drop(date(2015, 4, 29), (date(2015, 4, 28), 104.36, 103.77), 103.0)
    day = drop(date(2015, 5, 6), (date(2015, 5, 5), 102.40, 101.81), 101.5)
    assert [row[0] for row in told(early)] == [date(2015, 4, 29)]
    assert [(row[0], row[1], row[3]) for row in told(early, day)[1:]] == [
        (date(2015, 4, 29), 1.0, "withdrawn"),
        (date(2015, 5, 6), pytest.approx(101.81 / 102.40), "vendor"),
    ]


@pytest.mark.parametrize(
    "days",
    [
        (date(2016, 6, 6), date(2016, 6, 13), date(2016, 6, 20), date(2016, 6, 27)),  # a weekly payer
        (date(2015, 12, 15), date(2015, 12, 28)),  # a fund that brings January's payout forward
        (date(2016, 4, 14), date(2016, 5, 16)),  # a monthly payer
    ],
)
def test_the_same_amount_of_a_regular_payer_is_paid_each_time(days: tuple[date, ...]) -> None:
    shown = [drop(day, (day - timedelta(days=1), 20.00, 19.80), 19.90) for day in days]
    rows = {row[0]: row[1] for row in told(*shown)}
    assert rows == dict.fromkeys(days, 0.99)


def test_two_dividends_of_other_amounts_on_neighbouring_sessions_are_two() -> None:
    rows = told(drop(S1, (S0, 40.00, 39.60), 40.10), drop(S2, (S1, 40.10, 39.90), 39.80))
    assert [(row[0], row[3]) for row in rows] == [(S1, "vendor"), (S2, "vendor")]


def test_a_drop_that_replaces_an_earlier_version_takes_its_action_back() -> None:
    first = drop(S1, (S0, 100.00, 50.00), 51.00)
    replaced = first.with_columns(factor=1.0, close=101.0, open=101.0, knowledge_time=known(S3), drop_id=pl.lit("new"))
    assert told(first, replaced) == [
        (S1, 0.5, "split", "vendor", S1),
        (S1, 1.0, "split", "withdrawn", S3),
    ]


def test_a_price_that_comes_back_from_a_tenth_is_no_reverse_split() -> None:
    # SUPV: 11.52, then 1.139 in two drops, then 11.40; both jumps were held and came with the next drop.
    bars = [
        ("S", S1, 1.152, 1.161, 1.137, 1.139, 365_400, known(S2), 0, "prices:20160608:a"),
        ("S", S2, 11.360, 11.500, 11.360, 11.400, 269_000, known(S3), 0, "prices:20160609:b"),
    ]
    columns = ["symbol", "session", "open", "high", "low", "close", "volume", "knowledge_time", "revision", "drop_id"]
    late = evidence.late_bars(pl.DataFrame(bars, schema=columns, orient="row"), {S1: S0, S2: S1})
    before = [("S", S0, 11.52, 558_100, known(S0), 0), ("S", S1, 1.139, 365_400, known(S2), 0)]
    lake = pl.DataFrame(
        before, schema=["symbol", "session", "close", "volume", "knowledge_time", "revision"], orient="row"
    )
    filled = evidence.fill_before(late, lake)
    assert filled["close_before"].to_list() == [11.52, 1.139]
    assert corporate_actions(filled).is_empty()


def test_a_bad_last_print_that_looks_like_a_reverse_split_is_one_until_the_next_drop_puts_it_right() -> None:
    bad = drop(S1, (S0, 19.80, 19.80), 99.00, volumes=(100_000, 15_000))
    bars = revisions((S1, 99.0, 15_000, S1), (S1, 20.0, 90_000, S2))
    again = evidence.restate(bad, evidence.restated_bars(bars, bars, {S1: S0}))
    assert again.select("symbol", "session", "close_before", "close", "volume", "drop_id").rows() == [
        ("S", S1, 19.80, 20.0, 90_000, "d8")
    ]
    assert told(bad, again) == [(S1, 5.0, "split", "price", S1), (S1, 1.0, "split", "withdrawn", S2)]
    quiet = revisions((S1, 20.0, 100, S1), (S1, 20.1, 90_000, S2))
    assert evidence.restated_bars(quiet, quiet, {S1: S0}).is_empty()


def test_a_reverse_split_in_which_the_vendor_loses_the_symbol_is_found_with_the_lake_s_own_bar() -> None:
    # HT, 1:4 on 2015-06-23: absent from that session's drop, told by the next one.
    bar = {"symbol": "HT", "open": 25.92, "high": 26.5, "low": 25.8, "close": 26.2, "volume": 649_200, "revision": 0}
    new = pl.DataFrame([bar | {"session": S1, "knowledge_time": known(S2), "drop_id": "prices:20160608:ab"}])
    late = evidence.late_bars(new, {S1: S0, S2: S1})
    assert evidence.missing_bars(late).rows() == [("HT", S0)]
    before = {"symbol": "HT", "session": S0, "close": 6.52, "volume": 1_876_900, "revision": 0}
    lake = pl.DataFrame([before | {"knowledge_time": known(S0)}])
    assert corporate_actions(late).is_empty()
    assert told(evidence.fill_before(late, lake)) == [(S1, 4.0, "split", "price", S2)]
    unknown_then = lake.with_columns(knowledge_time=known(S3))
    assert evidence.fill_before(late, unknown_then).is_empty()


def test_a_drop_without_the_session_before_shows_nothing() -> None:
    rows = pl.DataFrame({"symbol": ["S"], "session": [S1], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0]})
    assert evidence.show(rows.with_columns(volume=1, adj_close=0.5)).is_empty()


def random_evidence(seed: int) -> pl.DataFrame:
    """Drops of five symbols whose vendor shows actions early, twice, late and never, some known late."""
    rng = np.random.default_rng(seed)
    sessions = Exchange().between(date(2016, 3, 1), date(2016, 6, 30))
    frames = []
    for name in "ABCDE":
        price, pending = 50.0, 1.0
        for before, session in pairwise(sessions):
            new = price * float(np.exp(rng.normal(0, 0.02)))
            factor = float(rng.choice([1.0, 1.0, 1.0, 0.99, 0.5, 5.0], p=[0.4, 0.2, 0.1, 0.15, 0.1, 0.05]))
            here = rng.random() < 0.6  # else the price moves a session later, if at all
            moved = new * pending * (factor if here else 1.0)
            pending = factor if not here and rng.random() < 0.7 else 1.0
            adjusted = price * (factor if rng.random() < 0.8 else 1.0)
            shown = drop(session, (before, price, adjusted), moved, volumes=(10_000, int(rng.integers(3_000, 40_000))))
            late = timedelta(days=int(rng.choice([0, 0, 0, 0, 2, 9])))
            frames.append(shown.with_columns(symbol=pl.lit(name), knowledge_time=known(session) + late))
            price = float(np.clip(moved, 5.0, 500.0))
    return pl.concat(frames)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_day_by_day_with_a_window_of_evidence_tells_what_one_bulk_run_tells(seed: int) -> None:
    rows = random_evidence(seed)
    bulk = corporate_actions(rows.sample(fraction=1.0, shuffle=True, seed=seed))
    sessions = Exchange().between(date(2016, 1, 4), date(2016, 9, 30))
    daily = [ACTIONS.to_frame()]
    for (instant,), new in rows.sort("knowledge_time").group_by("knowledge_time", maintain_order=True):
        touched = new["session"].to_list()
        first, last = (
            sessions[sessions.index(min(touched)) - WINDOW],
            sessions[sessions.index(max(touched)) + WINDOW],
        )
        context = rows.filter((pl.col("knowledge_time") < instant) & pl.col("session").is_between(first, last))
        both = pl.concat([context.with_columns(known=True), new.with_columns(known=False)])
        daily.append(corporate_actions(both))
    assert bulk.height > 60
    assert {"vendor", "vendor_moved", "withdrawn"} <= set(bulk["basis"])
    order = ["knowledge_time", "symbol", "ex_session"]
    assert pl.concat(daily).sort(order).equals(bulk.sort(order))


def test_the_window_holds_all_days_that_matter() -> None:
    sessions = Exchange().between(date(2010, 1, 4), date(2020, 12, 31))
    most = max(
        sum((day - first).days <= 2 * INFLUENCE for day in sessions[number + 1 : number + 30])
        for number, first in enumerate(sessions[:-30])
    )
    assert most <= WINDOW


PUBLIC = {
    # symbol: ex-session and factor, as the companies announced them
    "SBUX": (date(2015, 4, 9), 1 / 2), "NFLX": (date(2015, 7, 15), 1 / 7), "NKE": (date(2015, 12, 24), 1 / 2),
    "AZN": (date(2015, 7, 27), 1 / 2), "FRO": (date(2016, 2, 3), 5.0), "UA": (date(2016, 4, 8), 1 / 2),
    "CF": (date(2015, 6, 18), 1 / 5), "EXPO": (date(2015, 6, 5), 1 / 2), "SJI": (date(2015, 5, 8), 1 / 2),
    "SMT": (date(2016, 5, 12), 10.0), "DRWI": (date(2016, 2, 4), 25.0), "IO": (date(2016, 2, 5), 15.0),
    "BTU": (date(2015, 10, 1), 15.0), "EBAY": (date(2015, 7, 20), None),
}  # fmt: skip


@pytest.mark.market
def test_known_splits_of_the_real_drops_take_effect_once_and_on_their_day(market_drops: Path) -> None:
    wanted = {day for day, _ in PUBLIC.values()}
    sessions = Exchange().between(date(2015, 3, 23), date(2016, 6, 30))
    frames = []
    for number, session in enumerate(sessions):
        if wanted & set(sessions[max(number - 2, 0) : number + 3]):
            path = market_drops / f"s3/prices/{session:%Y}/{session:%Y%m%d}.csv.gz"
            if path.stat().st_size < 100:
                continue  # one of them is empty
            rows = pl.read_csv(path, try_parse_dates=True).rename({"date": "session"})
            shown = evidence.show(rows.filter(pl.col("symbol").is_in(list(PUBLIC))))
            frames.append(shown.with_columns(knowledge_time=known(session), drop_id=pl.lit(f"{session}")))
    rows = corporate_actions(pl.concat(frames))
    far = rows.filter((pl.col("factor") - 1).abs() > 0.15)
    found = {row["symbol"]: (row["ex_session"], row["factor"]) for row in far.iter_rows(named=True)}
    assert far.height == len(PUBLIC)
    assert found.pop("EBAY")[0] == PUBLIC["EBAY"][0]  # a spin-off: its factor is the vendor's
    assert found == {name: told for name, told in PUBLIC.items() if name != "EBAY"}
    assert dict(far.select("symbol", "kind").iter_rows())["EBAY"] == "dividend"
