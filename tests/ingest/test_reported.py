"""A source of reported actions beside one of bars, on real S3, HDFS, Spark and Iceberg."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingest import world
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services

LAST = str(len(world.DAYS) - 1)


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_reported.py", tmp_path_factory.mktemp("reported"), services.env)


def _of(seen: dict[str, Any], symbol: str) -> list[tuple[Any, ...]]:
    """Ex-session, factor, kind, basis and what it rests on, as they became known."""
    rows = sorted(seen["bulk"]["market.corporate_actions"], key=lambda row: (row[5], row[1]))
    return [(row[1], float(row[2]), row[3], row[4], row[8]) for row in rows if row[0] == symbol]


@pytest.mark.parametrize("table", ["market.corporate_actions", "market.reported_actions", "market.quarantine"])
def test_bulk_day_by_day_and_two_runs_write_the_same_rows(seen: dict[str, Any], table: str) -> None:
    assert seen["daily"][table] == seen["bulk"][table] == seen["two"][table]
    assert len(seen["bulk"][table]) >= 5


def test_an_announced_split_counts_on_its_day_and_rests_on_what_bars_show_then(seen: dict[str, Any]) -> None:
    day = str(world.day(5))
    assert _of(seen, "S01") == [
        (day, 0.5, "split", "reported", "vendor_actions"),
        (day, 0.5, "split", "reported", "vendor_actions, vendor, price"),
    ]


def test_amounts_become_factors_of_the_close_before(seen: dict[str, Any]) -> None:
    # S05 closed at 25.20 on day 2, S10 at 30.00 on day 0.
    expected = {"S05": (3, 1 - 0.5 / 25.2), "S10": (1, 1 - 1 / 30)}
    for symbol, (day, factor) in expected.items():
        assert _of(seen, symbol) == [
            (str(world.day(day)), pytest.approx(factor), "dividend", "reported", "vendor_actions")
        ]


def test_a_report_of_a_higher_rank_corrects_what_bars_showed(seen: dict[str, Any]) -> None:
    shown, corrected = _of(seen, "S02")
    assert shown[1:4] == (pytest.approx(22.35 / 22.60), "dividend", "vendor")
    assert corrected[1:] == (pytest.approx(22.30 / 22.60), "dividend", "reported", "vendor_actions")
    assert seen["bar"]["close"] == pytest.approx(22.30)


def test_steps_of_cumulative_factors_are_actions_of_the_session_after(seen: dict[str, Any]) -> None:
    said = ("reported", "lean_factors")
    assert _of(seen, "S11") == [
        (str(world.day(3)), pytest.approx(0.98), "dividend", *said),
        (str(world.day(7)), 0.98, "dividend", *said),
    ]
    assert _of(seen, "S12") == [(str(world.day(4)), pytest.approx(1 / 7, rel=1e-12), "split", *said)]


def test_an_action_of_a_session_to_come_waits(seen: dict[str, Any]) -> None:
    assert _of(seen, "S09") == []
    assert "S09" in {row[0] for row in seen["bulk"]["market.reported_actions"]}


def test_wrong_lines_are_in_the_quarantine_by_rule_and_reason(seen: dict[str, Any]) -> None:
    rows = {row[5]: (row[6], row[7]) for row in seen["bulk"]["market.quarantine"] if row[1] == "vendor_actions"}
    assert {symbol: rule for symbol, (rule, _) in rows.items()} == {
        "S06": "amount_above_close", "S07": "not_positive", "S08": "not_a_session",
    }  # fmt: skip
    assert rows["S06"][1] == "expected an amount below the close before, 26.3, found 100.0"


def test_the_runs_are_audited_and_a_rerun_changes_nothing(seen: dict[str, Any]) -> None:
    assert seen["bulk"]["runs"][LAST]["validate"]["failed"] == 0
    assert seen["again"]["ingest"]["noop"] is True
