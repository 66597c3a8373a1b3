"""Validate publishes what it has audited, on whatever ``main`` has become, or nothing; and it leaves its report."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/quality/scenario_validate.py", tmp_path_factory.mktemp("validate"), services.env)


def test_the_report_lies_in_the_artifact_store_and_beside_the_data_docs(seen: dict[str, Any]) -> None:
    good = seen["good"]
    assert good["key"] == "runs/2016-01-12/validate_first/quality.json"
    assert good["stored"] == [True, True]
    assert good["beside"] == ["data_docs", "quality.html", "quality.json"]


def test_the_newest_report_of_a_session_is_found(seen: dict[str, Any]) -> None:
    good = seen["good"]
    assert (good["newest"], good["none"]) == ("validate_first", None)
    assert good["latest"] >= "2016-01-12"  # other tests leave reports in the same store


def test_the_sessions_there_are_are_written_down_for_forms(seen: dict[str, Any]) -> None:
    good = seen["good"]
    assert good["span"] == [good["held"][0], good["held"][-1]]
    assert good["same"], "the catalog without Spark says the same"


def test_validated_again_nothing_changes_and_the_report_is_the_first_one(seen: dict[str, Any]) -> None:
    again = seen["good"]["again"]
    assert (again["noop"], again["quality_report"]) == (True, seen["good"]["key"])


def test_the_loser_of_a_race_leaves_cleanly(seen: dict[str, Any]) -> None:
    assert seen["lost"] == {"noop": True, "unmoved": True, "bars": 30}


def test_a_base_that_has_moved_is_built_upon(seen: dict[str, Any]) -> None:
    assert seen["moved"] == {"noop": False, "bars": 30, "others": 1}


def test_a_base_that_keeps_moving_is_given_up_after_three_tries(seen: dict[str, Any]) -> None:
    always = seen["always"]
    assert always["outcome"].startswith("BaseMovedError: table market.bars")
    assert always["tries"] == ["ingest"] * 3
    assert always["bars"] == 0


def test_a_branch_that_ingest_would_not_name_is_refused(seen: dict[str, Any]) -> None:
    assert seen["bad_branch"].startswith("ConfigError: input branch 'audit_x; DROP TABLE' is not allowed")
