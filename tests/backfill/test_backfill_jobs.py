"""A range and a run for each session leave the same rows; a range that broke goes on; the daily run is first."""

from __future__ import annotations

from typing import Any

import pytest

from bench.lakes import CONTENT
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("backfill")
    return run_scenario("tests/backfill/scenario_backfill.py", home, services.env)


@pytest.mark.parametrize("table", CONTENT)
def test_every_table_of_the_market_has_the_same_rows_as_day_by_day(seen: dict[str, Any], table: str) -> None:
    found = seen["range"]["tables"][table]
    assert found["equal"], found


@pytest.mark.parametrize("name", ["core", "fundamental"])
def test_features_have_the_same_bytes_as_day_by_day(seen: dict[str, Any], name: str) -> None:
    native, filled, same = seen["range"]["features"][name]
    assert same
    assert native == filled > 5 * 30


def test_the_plan_tells_of_all_that_is_missing_before_anything_is_done(seen: dict[str, Any]) -> None:
    plan = seen["range"]["planned"]["plan"]
    assert seen["range"]["planned"]["todo"] == {"ingest": 3, "features": 3}
    assert plan["ingest"]["sessions"] == 5
    assert plan["ingest"]["time"]["basis"] == "past runs"
    assert [(one["name"], one["sessions"], one["stale"]) for one in plan["features"]] == [
        ("core", 5, []), ("fundamental", 5, []),
    ]  # fmt: skip
    assert [sum(one["features"].values()) for one in plan["chunks"]] == [4, 4, 2]


def test_what_was_committed_before_it_broke_stays_and_is_on_record(seen: dict[str, Any]) -> None:
    assert seen["range"]["broken"]["error"] == "StoreUnavailableError: the catalog went away"
    chunks = seen["range"]["state"]["chunks"]
    assert [(one["step"], one["number"], one["state"]) for one in chunks] == [
        ("ingest", 1, "done"), ("ingest", 2, "failed"),
    ]  # fmt: skip
    assert len(chunks[0]["commit_ids"]) == 1
    assert chunks[1]["message"] == "StoreUnavailableError: the catalog went away"


def test_the_same_request_goes_on_where_it_stopped_and_then_has_nothing_to_do(seen: dict[str, Any]) -> None:
    found = seen["range"]
    assert len(set(found["ids"])) == 1
    assert found["again"] == {"ingest": 2, "features": 3}
    assert found["went_on"]["ingest"]["chunks"] == 2
    assert found["finally"] == {"ingest": 0, "features": 0}
    assert {one["state"] for one in found["end"]["chunks"]} == {"done"}
    assert [one["run_id"] for one in found["end"]["attempts"]] == ["manual__1", "manual__2", "manual__3"]
    assert found["record"]["asked_by"] == "tests"


def test_a_daily_run_that_brings_the_same_sessions_wins_and_nothing_is_stored_twice(seen: dict[str, Any]) -> None:
    found = seen["overlap"]
    assert found["done"]["ingest"]["chunks"] == 1
    assert (found["twice"], found["sessions"]) == (0, 5)


def test_filled_out_of_order_everything_known_on_any_evening_is_as_in_order(seen: dict[str, Any]) -> None:
    late, in_order = seen["late"]["evenings"]
    assert late == in_order
    assert len(set(late)) == len(late)


def test_filled_out_of_order_the_features_of_the_range_are_as_in_order(seen: dict[str, Any]) -> None:
    assert seen["late"]["features"] == {"core": True, "fundamental": True}


def test_stored_sessions_that_would_look_back_further_now_are_told_as_stale(seen: dict[str, Any]) -> None:
    assert seen["late"]["stale"]["core"] == seen["late"]["later"]
