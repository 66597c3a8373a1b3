"""The features step on a real lake, in one Spark driver."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest

from afterbell.features.sets.core import CORE
from afterbell.features.sets.cross_section import CROSS_SECTION
from afterbell.features.sets.fundamental import FUNDAMENTAL
from tests.features.scenario_features import BULK, DAYS, LATE, SESSIONS, SYMBOLS, market
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/features/scenario_features.py", tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def pure() -> dict[str, str]:
    """The same market through the kernels without Spark."""
    rows = market().rows(CORE, list(range(SESSIONS)), SYMBOLS)
    return {f"S{symbol} {session}": row.hex() for (symbol, session), row in rows.items()}


def test_the_first_run_fills_every_session_whose_bars_were_known_in_time(seen: dict[str, Any]) -> None:
    bulk = seen["bulk"]
    assert (bulk["sessions"], bulk["noop"], bulk["factors"]) == (BULK - 1, False, len(CORE.factors))
    assert bulk["definition_hashes"]["core"] == CORE.definition_hash


def test_the_same_run_again_changes_nothing(seen: dict[str, Any]) -> None:
    again = seen["again"]
    assert (again["noop"], again["rows"], again["sessions"]) == (True, 0, 0)
    assert again["features_snapshots"] == seen["bulk"]["features_snapshots"]


def test_a_day_computes_that_day_alone(seen: dict[str, Any]) -> None:
    days = [seen[f"day {session}"] for session in range(BULK, SESSIONS)]
    assert [day["sessions"] for day in days] == [1] * len(days)
    assert all(0 < day["rows"] <= SYMBOLS for day in days)


def test_stored_rows_are_those_of_the_kernels_byte_for_byte(seen: dict[str, Any], pure: dict[str, str]) -> None:
    assert seen["rows"] == pure


def test_rows_computed_at_once_are_those_of_bulk_and_daily_runs(seen: dict[str, Any]) -> None:
    assert seen["rows at once"] == seen["rows"]


def test_a_session_whose_drop_came_late_has_no_rows_and_is_no_hole(seen: dict[str, Any]) -> None:
    assert not any(key.endswith(f" {LATE}") for key in seen["rows"])
    assert seen["holes of the same definition"] is None


def test_a_deleted_session_is_found_as_the_only_hole_and_costs_its_look_back(seen: dict[str, Any]) -> None:
    assert seen["holes"] == {"holes": [50], "read": CORE.depth + 1}


def test_another_definition_leaves_all_sessions_to_do(seen: dict[str, Any]) -> None:
    assert seen["holes of another definition"]["holes"] == [day for day in range(SESSIONS) if day != LATE]


@pytest.mark.parametrize("name", ["empty", "not delivered"])
def test_a_session_without_bars_fails_and_says_what_to_do(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["error"] == "ValidationFailedError"
    assert "features.core has no row for session 2016-04-" in seen[name]["message"]
    assert "rerun ingest and validate" in seen[name]["message"]


def test_a_holiday_fails_and_names_the_sessions_beside_it(seen: dict[str, Any]) -> None:
    assert seen["holiday"]["error"] == "NotASessionError"
    assert "2016-01-15 and 2016-01-19" in seen["holiday"]["message"]


def test_every_finished_step_left_a_record(seen: dict[str, Any]) -> None:
    assert seen["runs"] == 2 + (SESSIONS - BULK) + 2


def test_a_set_that_reads_filings_says_so_where_their_snapshot_is_not_given(seen: dict[str, Any]) -> None:
    found = seen["without filings"]
    assert found["error"] == "StaleInputError"
    assert "factor set fundamental reads market.fundamentals: give filings_snapshot" in found["message"]


def test_several_sets_are_filled_by_one_step_each_with_a_snapshot_of_its_own(seen: dict[str, Any]) -> None:
    assert [seen[name]["sessions"] for name in ("others in bulk", "others, a day", "others, another day")] == [
        SESSIONS - 3, 1, 1,
    ]  # fmt: skip
    assert seen["others again"]["features_snapshots"].keys() == {"fundamental", "cross_section"}


@pytest.mark.parametrize("name", ["fundamental", "cross_section"])
def test_sets_of_filings_and_of_cross_sections_have_the_same_rows_in_bulk_and_day_by_day(
    seen: dict[str, Any], name: str
) -> None:
    assert seen["others"][name] == seen["others at once"][name]
    assert seen["others"][name].keys() == seen["rows"].keys()


def test_cross_sections_on_the_lake_are_those_of_the_kernels_byte_for_byte(seen: dict[str, Any]) -> None:
    world = market()
    world.action(0, 70, 1 / 3, split=True)
    rows = world.rows(CROSS_SECTION, list(range(SESSIONS)), SYMBOLS)
    assert seen["others"]["cross_section"] == {
        f"S{symbol} {session}": row.hex() for (symbol, session), row in rows.items()
    }


def fundamentals(seen: dict[str, Any], session: int) -> dict[str, float]:
    """S0's row."""
    row = np.frombuffer(bytes.fromhex(seen["others"]["fundamental"][f"S0 {session}"]), dtype=np.float32)
    return dict(zip(FUNDAMENTAL.names, row.tolist(), strict=True))


def close(session: int) -> float:
    """S0's close as it was known on its own day."""
    return float(next(row[7] for row in market().bars if row[:2] == (0, session)))


@pytest.mark.parametrize(
    ("session", "earnings", "income"),
    [(9, math.nan, math.nan), (10, 2.0, 80.0), (46, 2.0, 80.0), (59, 0.02, 80.0), (60, 1.5, 60.0), (69, 1.5, 60.0),
     (71, 0.5, 60.0), (SESSIONS - 1, 0.5, 60.0)],
)  # fmt: skip
def test_filings_on_the_lake_count_from_the_session_that_knew_them_in_its_own_shares(
    seen: dict[str, Any], session: int, earnings: float, income: float
) -> None:
    row = fundamentals(seen, session)  # the market has splits of ten for one in sessions 47 and 55
    assert row["EP"] == pytest.approx(earnings / close(session), nan_ok=True)
    assert row["ROA"] == pytest.approx(income / 1000, nan_ok=True)
    ended = (DAYS[session] - date(2015, 12, 31)).days
    assert row["PAGE"] == pytest.approx(math.nan if math.isnan(income) else ended, nan_ok=True)


def test_a_run_that_was_overtaken_is_refused_and_stores_nothing_twice(seen: dict[str, Any]) -> None:
    refused, then = seen["rivals"]["second"], seen["rivals"]["then"]
    assert refused["error"] == "BaseMovedError"
    assert "another run has written sessions between 2016-01-04 and 2016-04-2" in refused["message"]
    assert (then["sessions"], then["noop"]) == (1, False)
    assert seen["rows of rivals"] == seen["rows"]


def test_the_plan_is_told_without_computing(seen: dict[str, Any]) -> None:
    (plan,) = seen["plan"]["plan"]
    assert (plan["set"], plan["sessions"], plan["first"], plan["tasks"]) == ("core", SESSIONS - 1, "2016-01-04", 2)
    assert seen["status of nothing"] == {
        "stored": 0,
        "missing": SESSIONS - 1,
        "read": CORE.depth + SESSIONS,
        "first": "2016-01-04",
    }


def test_the_command_lines_answer_is_the_same_from_commits_and_from_the_table(seen: dict[str, Any]) -> None:
    nothing = {"stored": SESSIONS - 1, "missing": 0, "read": 0, "first": "None"}
    assert seen["status"] == nothing
    hole = {"stored": SESSIONS - 2, "missing": 1, "read": CORE.depth + 1, "first": "2016-03-16"}
    assert seen["status of a hole"] == hole
