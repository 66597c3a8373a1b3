"""QuantConnect Lean's daily and minute bars, by the YAML of the manual alone, on real S3, Spark and Iceberg."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
BAR = ("symbol", "session", "open", "high", "low", "close", "volume", "adj_close", "knowledge_time", "revision")
LAST = "2013-10-04"


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_lean.py", tmp_path_factory.mktemp("lean"), services.env)


def rows(tables: dict[str, Any], table: str, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return sorted((tuple(row[name] for name in names) for row in tables[table]), key=str)


def test_every_day_of_every_symbol_is_a_bar_in_dollars(seen: dict[str, Any]) -> None:
    bars = {(row["symbol"], row["session"]): row for row in seen["once"]["tables"]["market.bars"]}
    # 2013-08-26 to 2013-10-04 has 29 sessions: Labor Day is none.
    assert len(bars) == len(seen["once"]["tables"]["market.bars"]) == 5 * 29
    assert {symbol for symbol, _ in bars} == {"AAPL", "BAC", "BRK.A", "IBM", "SPY"}
    first = bars["AAPL", "2013-08-26"]
    assert [first[name] for name in BAR[2:]] == [
        484.19, 484.22, 484.17, 484.2, 1_000_000, None, "2013-08-26 20:45:00", 0,
    ]  # fmt: skip
    assert bars["BRK.A", "2013-08-26"]["close"] == 170450.0


def test_each_night_alone_and_all_at_once_give_the_same_rows(seen: dict[str, Any]) -> None:
    once = seen["once"]["tables"]
    for other in (seen["nightly"]["tables"], seen["replay"]["tables"]):
        assert rows(other, "market.bars", BAR) == rows(once, "market.bars", BAR)
        actions = ("symbol", "ex_session", "factor", "kind", "knowledge_time")
        assert rows(other, "market.corporate_actions", actions) == rows(once, "market.corporate_actions", actions)


def test_a_split_is_seen_in_a_history(seen: dict[str, Any]) -> None:
    actions = seen["once"]["tables"]["market.corporate_actions"]
    assert [(row["symbol"], row["ex_session"], row["factor"], row["kind"]) for row in actions] == [
        ("BAC", "2013-10-02", 0.5, "split")
    ]


def test_an_object_that_has_not_changed_is_not_read_again(seen: dict[str, Any]) -> None:
    again = seen["once"]["again"]["ingest"]
    assert again["noop"] is True
    assert set(again["drops"].values()) == {0}


def test_a_night_reads_what_has_grown_and_judges_the_new_lines_alone(seen: dict[str, Any]) -> None:
    for runs in (seen["nightly"]["runs"], seen["replay"]["runs"]):
        assert [run["ingest"]["rows"] for run in runs[:4]] == [5 * 26, 5, 5, 5]
        assert {run["ingest"]["drops"]["landed"] for run in runs[:4]} == {5}


def test_a_bar_that_is_told_otherwise_is_a_revision_known_from_its_delivery_on(seen: dict[str, Any]) -> None:
    day = seen["replay"]["restated"]
    found = [row for row in seen["replay"]["after"]["market.bars"] if row["symbol"] == "AAPL" and row["session"] == day]
    told = sorted((row["revision"], row["knowledge_time"], round(row["close"] * 100)) for row in found)
    assert [(revision, known) for revision, known, _ in told] == [
        (0, f"{day} 20:45:00"), (1, f"{LAST} 20:45:00"),
    ]  # fmt: skip
    assert told[1][2] - told[0][2] == 1
    assert len(seen["replay"]["after"]["market.bars"]) == len(seen["replay"]["tables"]["market.bars"]) + 1


def test_minutes_beside_them_are_bars_at_their_instant_and_quotes_are_left_alone(seen: dict[str, Any]) -> None:
    once = seen["once"]
    minutes = rows(once["tables"], "market.minute_bars", ("symbol", "at", "session", "close", "volume"))
    assert minutes == [
        ("AAPL", "2013-10-04 13:30:00", LAST, 484.2, 100),
        ("AAPL", "2013-10-04 13:31:00", LAST, 484.201, 100),
        ("AAPL", "2013-10-04 13:32:00", LAST, 484.202, 100),
        ("IBM", "2013-10-04 13:30:00", LAST, 186.4, 100),
        ("IBM", "2013-10-04 13:31:00", LAST, 186.401, 100),
        ("IBM", "2013-10-04 13:32:00", LAST, 186.402, 100),
    ]
    assert once["run"]["ingest"]["refused_drops"] == []


def test_every_run_was_audited_and_published(seen: dict[str, Any]) -> None:
    for run in (seen["once"]["run"], *seen["nightly"]["runs"], *seen["replay"]["runs"]):
        assert run["validate"]["failed"] == 0


@pytest.mark.parametrize("name", ["forgotten", "hundredths", "millionths"])
def test_a_wrong_scale_is_refused_in_the_first_run(seen: dict[str, Any], name: str) -> None:
    error = seen["wrong"][name]["error"]
    assert error.startswith("ValidationFailedError: source lean_daily: drop equity/usa/daily/aapl.zip: column close:")
    assert "a median close of 3 symbols between 0.1 and 1000, found" in error
    assert "check the scale of the price columns in include/config/sources/lean_daily.yaml" in error


def test_once_the_scale_is_right_the_same_objects_are_read(seen: dict[str, Any]) -> None:
    assert seen["wrong"]["right"]["ingest"]["rows"] == 3 * 28


def test_a_scale_that_is_changed_later_is_refused_beside_what_is_known(seen: dict[str, Any]) -> None:
    error = seen["wrong"]["later"]["error"]
    assert "column close: expected prices near those known of AAPL, with a median close of 48" in error
    assert "times as much; check the scale of the price columns" in error


def test_minutes_with_a_wrong_scale_are_refused_and_nothing_of_the_run_is_loaded(seen: dict[str, Any]) -> None:
    assert (
        "source lean_minutes: drop equity/usa/minute/aapl/20131004_trade.zip: column close"
        in (seen["wrong"]["minutes"]["error"])
    )
    assert seen["wrong"]["tables"]["market.minute_bars"] == []
    assert {row["close"] < 1000 for row in seen["wrong"]["tables"]["market.bars"]} == {True}
    assert len(seen["wrong"]["tables"]["market.bars"]) == 3 * 28


def test_one_object_of_many_whose_prices_cannot_be_prices_stops_its_symbol_alone(seen: dict[str, Any]) -> None:
    first = seen["wrong"]["one"]
    refused = {drop["key"]: drop["reason"] for drop in first["refused_drops"]}
    assert set(seen["wrong"]["held"]) == set(refused)
    assert "expected prices near those known of SPY" in refused["equity/usa/daily/spy.zip"]
    minutes = 2 * 3
    assert first["rows"] == 2 + minutes


def test_drops_of_another_session_with_such_prices_stop_themselves(seen: dict[str, Any]) -> None:
    minutes = [key for key in seen["wrong"]["held"] if "minute" in key]
    assert sorted(minutes) == [f"equity/usa/minute/{symbol}/20131003_trade.zip" for symbol in ("aapl", "ibm")]


def test_a_person_lets_such_an_object_in(seen: dict[str, Any]) -> None:
    closes = {row["symbol"]: row["close"] for row in seen["wrong"]["newest"]}
    assert closes["SPY"] > 1_000_000
    assert not [drop for drop in seen["wrong"]["released"]["ingest"]["refused_drops"] if "daily" in drop["key"]]
