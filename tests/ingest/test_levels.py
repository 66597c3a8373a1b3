"""Prices that can't be prices: a scale that is forgotten or wrong, told apart from splits and from expensive shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pytest

from afterbell.ingest.levels import SAMPLE, check_levels, sample_closes
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.past_prices import near_sessions
from afterbell.ingest.plan import DropTask
from afterbell.sources.source import Source
from tests.ingest.shapes import example

FIRST, SECOND, THIRD = date(2016, 6, 28), date(2016, 6, 29), date(2016, 6, 30)
MARKET = {f"S{number:02d}": 5.0 + 3 * number for number in range(20)}
"""Twenty symbols from 5 to 62 dollars."""


def times(factor: float, closes: Mapping[str, float] = MARKET) -> dict[str, float]:
    return {symbol: close * factor for symbol, close in closes.items()}


@dataclass
class Run:
    """Drops of a run, each with the closes of its symbols."""

    source: Source = field(default_factory=lambda: example("vendor_bars"))
    past: Mapping[str, float] = field(default_factory=dict)
    drops: list[tuple[date, Mapping[str, float]]] = field(default_factory=list)
    known: bool = False

    def refused(self) -> dict[int, str]:
        outcomes, closes = [], {}
        for number, (session, found) in enumerate(self.drops):
            task = DropTask(
                self.source.name, "s3", f"k{number}", 1, "v", session, (session,), None, "", late=False, refusal=""
            )
            outcomes.append(Outcome(task, f"d{number}", "", "landed", rows=len(found)))
            closes[f"d{number}"] = found
        return check_levels(self.source, outcomes, closes, self.past, known=self.known or bool(self.past))


def refused(*drops: tuple[date, Mapping[str, float]], past: Mapping[str, float] | None = None) -> set[int]:
    return set(Run(past=past or {}, drops=list(drops)).refused())


@pytest.mark.parametrize("factor", [10_000, 100, 0.01, 0.0001])
def test_a_first_run_with_a_wrong_scale_is_refused_and_the_right_one_is_not(factor: float) -> None:
    assert refused((FIRST, times(factor * 2 if factor > 1 else factor / 4))) == {0}
    assert refused((FIRST, MARKET)) == set()


@pytest.mark.parametrize("factor", [10_000, 100, 10, 0.1, 0.01])
def test_a_scale_that_changes_is_refused_beside_the_past(factor: float) -> None:
    assert refused((FIRST, times(factor)), past=MARKET) == {0}
    assert refused((FIRST, MARKET), (SECOND, times(factor)), (THIRD, MARKET)) == {1}


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.2, 2.0])
def test_a_market_that_crashes_or_soars_is_believed(factor: float) -> None:
    assert refused((FIRST, times(factor)), past=MARKET) == set()


def test_the_message_says_what_was_found_expected_and_what_to_check() -> None:
    run = Run(past={"AAPL": 478.0}, drops=[(FIRST, {"AAPL": 4_780_000.0})])
    assert run.refused() == {
        0: "drop k0: column PxLast: expected prices near those known of AAPL, with a median close of 478, found "
        "4.78e+06, 1e+04 times as much; check the scale of the price columns in "
        "include/config/sources/vendor_bars.yaml, or ask the vendor; where these are prices, declare plausible there. "
        "Nothing of it was loaded"
    }
    first = Run(drops=[(FIRST, {"AAPL": 4_780_000.0, "IBM": 1_860_000.0})]).refused()[0]
    assert "expected prices, with a median close of 2 symbols between 0.1 and 1000, found 3.32e+06" in first


def test_a_share_of_700_000_dollars_is_a_price_beside_others_and_by_its_own_past() -> None:
    assert refused((FIRST, MARKET), (FIRST, {"BRK.A": 700_000.0})) == set()
    assert refused((FIRST, {"BRK.A": 700_000.0}), past={"BRK.A": 690_000.0}) == set()
    alone = Run(drops=[(FIRST, {"BRK.A": 700_000.0})], known=True)  # a newcomer of a source that is known
    assert alone.refused() == {}


@pytest.mark.parametrize(("factor", "wrong"), [(25, False), (100, False), (10_000, True), (0.0001, True)])
def test_one_symbol_may_put_its_shares_together_but_not_ten_thousand_of_them(factor: float, *, wrong: bool) -> None:
    assert refused((FIRST, {"S00": 5.0 * factor}), past=MARKET) == ({0} if wrong else set())


def test_one_bad_object_of_a_session_is_refused_alone() -> None:
    drops = [(FIRST, {symbol: close * (10_000 if symbol == "S07" else 1)}) for symbol, close in MARKET.items()]
    assert refused(*drops, past=MARKET) == {7}


def test_objects_of_one_symbol_each_are_judged_together_where_all_of_them_moved() -> None:
    drops = [(FIRST, {symbol: close * 100}) for symbol, close in MARKET.items()]
    assert refused(*drops, past=MARKET) == set(range(20))


def test_one_part_of_a_session_with_another_scale_is_refused_alone() -> None:
    half = dict(list(MARKET.items())[:9])
    other = dict(list(MARKET.items())[9:])
    assert refused((FIRST, times(100, half)), (FIRST, other), past=MARKET) == {0}


def test_what_was_refused_is_no_past_for_what_follows() -> None:
    assert refused((FIRST, MARKET), (SECOND, times(100)), (THIRD, times(100))) == {1, 2}


def test_many_newcomers_of_another_level_are_refused_beside_few_that_are_known() -> None:
    new = {f"N{number}": 500_000.0 for number in range(10)}
    assert refused((FIRST, {"S00": 5.0} | new), past=MARKET) == {0}


def test_bounds_and_change_are_the_sources_own_to_declare() -> None:
    yen = {symbol: close * 100 for symbol, close in MARKET.items()}
    assert refused((FIRST, yen)) == {0}
    declared = example("vendor_bars", plausible={"median_close": [10, 100_000], "change": 200})
    assert Run(declared, {}, [(FIRST, yen), (SECOND, times(100, yen))]).refused() == {}


def test_drops_of_other_sources_and_without_rows_are_passed_over() -> None:
    run = Run(drops=[(FIRST, times(10_000))])
    other = example("parquet_bars")
    outcomes = [
        Outcome(DropTask("x", "s3", "k", 1, "v", FIRST, (), None, "", late=False, refusal=""), "d0", "", "landed")
    ]
    assert check_levels(other, outcomes, {"d0": MARKET}, {}, known=False) == {}
    assert run.refused()


def test_the_sample_has_the_last_close_of_each_symbol_and_is_the_same_of_each_drop() -> None:
    symbols = [f"S{number}" for number in range(3 * SAMPLE)]
    two = pl.concat(
        [
            pl.DataFrame({"symbol": symbols, "session": [day] * len(symbols), "close": [close] * len(symbols)})
            for day, close in ((SECOND, 2.0), (FIRST, 1.0))
        ]
    )
    found = sample_closes([("d", two)])
    assert SAMPLE / 2 < found.height < 2 * SAMPLE
    assert set(found["close"]) == {2.0}
    again = sample_closes([("e", two.filter(pl.col("session") == FIRST).reverse())])
    assert again["symbol"].to_list() == found["symbol"].to_list()


def test_a_close_of_nought_is_not_looked_at() -> None:
    rows = pl.DataFrame({"symbol": ["A", "B"], "session": [FIRST] * 2, "close": [0.0, 3.0]})
    assert sample_closes([("d", rows)]).rows() == [("d", "B", 3.0)]


def test_each_of_several_drops_has_closes_of_its_own() -> None:
    columns = ("symbol", "session", "close")
    first = pl.DataFrame([("B", FIRST, 2.0), ("A", SECOND, 5.0), ("A", FIRST, 4.0)], schema=columns, orient="row")
    second = pl.DataFrame([("B", THIRD, 0.0), ("A", THIRD, 7.0)], schema=columns, orient="row")
    found = sample_closes([("z", first), ("d", second)])
    assert found.rows() == [("z", "A", 5.0), ("z", "B", 2.0), ("d", "A", 7.0)]


def test_sessions_far_apart_are_not_compared_with_each_other() -> None:
    days = [date(2016, 6, 30), date(2006, 6, 29), date(2006, 6, 30), date(2016, 7, 5)]
    outcomes = [
        Outcome(DropTask("x", "s3", f"k{day}", 1, "v", day, (), None, "", late=False, refusal=""), "d", "", "landed")
        for day in days
    ]
    found = [[one.task.session for one in near] for near in near_sessions(outcomes)]
    assert found == [[days[1], days[2]], [days[0], days[3]]]
    assert near_sessions([]) == []
