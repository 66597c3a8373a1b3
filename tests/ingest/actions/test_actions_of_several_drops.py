"""Splits and dividends that drops show early, late, twice or not at all: the same answer in any order."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.decide import ACTIONS, INFLUENCE, WINDOW, corporate_actions
from tests.ingest.actions.drops import FELL, S0, S1, S2, S3, actions_of, drop, known, random_evidence


def test_what_becomes_known_at_one_instant_is_told_by_the_drop_of_the_last_session_however_far_apart() -> None:
    paid, moved = drop(S0 - timedelta(days=30), (S0 - timedelta(days=31), 20.00, 19.50), 19.40), drop(S1, FELL, 17.00)
    late = pl.concat([paid, moved]).with_columns(knowledge_time=known(S1))
    assert corporate_actions(late).select("ex_session", "drop_id").rows() == [(S0 - timedelta(days=30), "d07")]


def test_a_split_shown_a_session_early_and_again_on_the_day_is_one() -> None:
    early = drop(S1, (S0, 2.08, 10.40), 1.93)  # adjusted by 5, and the price stays
    again = drop(S2, (S1, 1.93, 9.65), 10.00)
    assert actions_of(early) == []  # an adjustment seen before its ex-session changes nothing yet
    assert actions_of(early, again) == [(S2, 5.0, "split", "vendor", S2)]


def test_a_split_shown_early_only_takes_effect_where_the_price_moves() -> None:
    early = drop(S1, (S0, 80.00, 40.00), 81.00)
    day = drop(S2, (S1, 81.00, 81.00), 40.00, volumes=(100_000, 900_000))
    assert actions_of(early, day) == [(S2, 0.5, "split", "vendor_moved", S2)]


def test_a_split_shown_late_takes_effect_where_the_price_moved_and_is_known_late() -> None:
    # Volume is too high for a split to be believed from the price alone.
    day = drop(S1, (S0, 80.00, 80.00), 40.00, volumes=(100_000, 900_000))
    late = drop(S2, (S1, 40.00, 20.00), 40.50)
    assert actions_of(day, late) == [(S1, 0.5, "split", "vendor_moved", S2)]


def test_a_split_believed_from_the_price_is_withdrawn_when_the_price_goes_back() -> None:
    fall = drop(S1, (S0, 100.00, 100.00), 50.00)
    back = drop(S2, (S1, 50.00, 50.00), 99.00)
    assert actions_of(fall, back) == [
        (S1, 0.5, "split", "price", S1),
        (S1, 1.0, "split", "withdrawn", S2),
    ]


def test_what_the_vendor_says_later_confirms_a_split_believed_from_the_price() -> None:
    day = drop(S1, (S0, 80.01, 80.01), 40.00)
    late = drop(S2, (S1, 40.00, 20.00), 40.50)
    assert [row[:2] for row in actions_of(day, late)] == [(S1, 0.5), (S1, 0.5)]


def test_the_same_dividend_shown_twice_counts_once_on_the_newer_session() -> None:
    first = drop(S1, (S0, 40.00, 39.60), 40.10)
    again = drop(S2, (S1, 40.10, 39.70), 39.80)
    assert actions_of(first, again) == [
        (S1, 0.99, "dividend", "vendor", S1),
        (S1, 1.0, "dividend", "withdrawn", S2),
        (S2, pytest.approx(39.70 / 40.10, abs=1e-9), "dividend", "vendor", S2),
    ]


def test_the_same_amount_a_week_later_is_the_same_dividend() -> None:
    # NSC, 0.59 on 2015-04-29 and again on 05-06, of which the later is the day.
    early = drop(date(2015, 4, 29), (date(2015, 4, 28), 104.36, 103.77), 103.0)
    day = drop(date(2015, 5, 6), (date(2015, 5, 5), 102.40, 101.81), 101.5)
    assert [row[0] for row in actions_of(early)] == [date(2015, 4, 29)]
    assert [(row[0], row[1], row[3]) for row in actions_of(early, day)[1:]] == [
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
    rows = {row[0]: row[1] for row in actions_of(*shown)}
    assert rows == dict.fromkeys(days, 0.99)


def test_two_dividends_of_other_amounts_on_neighbouring_sessions_are_two() -> None:
    rows = actions_of(drop(S1, (S0, 40.00, 39.60), 40.10), drop(S2, (S1, 40.10, 39.90), 39.80))
    assert [(row[0], row[3]) for row in rows] == [(S1, "vendor"), (S2, "vendor")]


def test_a_drop_that_replaces_an_earlier_version_takes_its_action_back() -> None:
    first = drop(S1, (S0, 100.00, 50.00), 51.00)
    replaced = first.with_columns(factor=1.0, close=101.0, open=101.0, knowledge_time=known(S3), drop_id=pl.lit("new"))
    assert actions_of(first, replaced) == [
        (S1, 0.5, "split", "vendor", S1),
        (S1, 1.0, "split", "withdrawn", S3),
    ]


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
