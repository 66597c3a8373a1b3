"""A person's decisions about corporate actions, on real S3, HDFS, Spark and Iceberg."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingest import world
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_overrides.py", tmp_path_factory.mktemp("overrides"), services.env)


def _of(rows: list[list[str]], symbol: str) -> list[tuple[str, ...]]:
    """Factor, kind and basis, as they became known."""
    return [tuple(row[2:5]) for row in sorted(rows, key=lambda row: row[5]) if row[0] == symbol]


def test_bulk_day_by_day_and_two_runs_write_the_same_rows(seen: dict[str, Any]) -> None:
    assert seen["daily"]["actions"] == seen["bulk"]["actions"] == seen["two"]["actions"]
    assert sum(row[6].startswith("overrides:") for row in seen["bulk"]["actions"]) == 4


def test_each_decision_is_one_more_row_and_one_of_the_future_waits(seen: dict[str, Any]) -> None:
    rows = seen["bulk"]["actions"]
    assert _of(rows, "S01") == [("0.5", "split", "vendor"), ("1.0", "none", "person"), ("0.5", "split", "vendor")]
    assert [row[1:] for row in _of(rows, "S02")] == [("dividend", "vendor"), ("dividend", "person")]
    assert _of(rows, "S03") == [("0.5", "split", "person")]
    assert _of(rows, "S04") == []
    ingested = seen["bulk"]["runs"][str(len(world.DAYS) - 1)]["ingest"]
    assert ingested["decisions_waiting"] == 1
    assert ingested["decisions"] == [
        f"{name} {world.day(n)}" for name, n in (("S01", 5), ("S02", 7), ("S01", 5), ("S03", 9))
    ]


def test_a_decision_waits_for_the_run_whose_content_is_known_after_it(seen: dict[str, Any]) -> None:
    runs = seen["daily"]["runs"]
    assert [runs[day]["ingest"]["decisions_waiting"] for day in ("7", "9", "11")] == [4, 2, 1]


def test_a_rerun_writes_no_decision_again(seen: dict[str, Any]) -> None:
    again = seen["later"]["again"]
    assert (again["ingest"]["noop"], again["ingest"]["decisions"], again["validate"]["noop"]) == (True, [], True)


def test_a_decision_before_what_the_lake_came_to_know_is_named_and_nothing_moves(seen: dict[str, Any]) -> None:
    (said,) = seen["later"]["too_late"]["ingest"]["decisions_overtaken"]
    assert said.startswith(f"overrides.yaml: the decision of Ann about S02 {world.day(7)} is not written: decided: ")
    assert "Write a later `decided`" in said
    assert seen["later"]["too_late"]["ingest"]["decisions"] == []
    assert seen["later"]["unmoved"] is True


def test_a_new_decision_is_written_without_any_new_drop_and_once(seen: dict[str, Any]) -> None:
    new, again = seen["later"]["new"], seen["later"]["new_again"]
    assert (new["ingest"]["noop"], new["ingest"]["decisions"]) == (
        False,
        [f"S02 {world.day(7)}", f"s02 {world.day(7)}"],
    )
    assert (new["validate"]["failed"], new["validate"]["noop"]) == (0, False)
    assert again["ingest"]["noop"] is True
    assert _of(seen["later"]["rows"], "S02")[-1] == ("1.0", "none", "person")


def test_a_decision_about_a_symbol_without_bars_is_warned_of(seen: dict[str, Any]) -> None:
    (warning,) = seen["later"]["new"]["ingest"]["decisions_without_bars"]
    assert f"the decision of Ann about s02 {world.day(7)} is written, but market.bars has no bar of s02" in warning
    assert seen["bulk"]["runs"][str(len(world.DAYS) - 1)]["ingest"]["decisions_without_bars"] == []


def test_an_answer_as_of_a_day_sees_the_decisions_of_that_day_and_names_who_decided(seen: dict[str, Any]) -> None:
    then, decided, now = (seen["later"]["bars"][number] for number in ("7", "9", "11"))
    assert then["decided"] == []
    assert then["close"] == pytest.approx(now["close"] * 22.35 / 22.60)
    assert decided["close"] == pytest.approx(now["close"] * 0.98)
    (said,) = decided["decided"]
    assert said.startswith(f"{world.day(7)}: factor 0.98 (dividend), person: Ann: seen in the filing, decided ")
    assert [line.split(",")[0] for line in now["decided"]] == [f"{world.day(7)}: factor 1 (none)"]
