"""Splits that rest on a bar which the lake holds, or which a later drop puts right."""

from __future__ import annotations

import polars as pl

from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import corporate_actions
from tests.ingest.actions.drops import S0, S1, S2, S3, actions_of, drop, known, revisions


def test_a_claim_beside_a_stale_bar_is_judged_again_when_the_next_drop_tells_the_bar() -> None:
    # A fund split four for one in reverse: the drop of the day still has the bar of the day before.
    stale = drop(S1, (S0, 4.10, 16.40), 4.10)
    bars = revisions((S1, 4.10, 100_000, S1), (S1, 16.25, 40_000, S2))
    assert actions_of(stale) == []
    again = evidence.restate(stale, evidence.restated_bars(bars, bars, {S1: S0}))
    assert actions_of(stale, again) == [(S1, 4.0, "split", "vendor", S2)]


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
    assert actions_of(evidence.fill_before(shown, lake)) == [(S1, 0.5, "split", "price", S1)]
    quiet = revisions((S0, 50.9, 1_000_000, S0))
    assert evidence.fill_before(shown, quiet).is_empty()


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
    assert actions_of(bad, again) == [(S1, 5.0, "split", "price", S1), (S1, 1.0, "split", "withdrawn", S2)]
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
    assert actions_of(evidence.fill_before(late, lake)) == [(S1, 4.0, "split", "price", S2)]
    unknown_then = lake.with_columns(knowledge_time=known(S3))
    assert evidence.fill_before(late, unknown_then).is_empty()
