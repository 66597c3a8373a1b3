"""Small files become one on the branch of whoever adds to them, and nobody who reads rows can tell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
NUMBERS = range(9)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/lake/scenario_fold.py", tmp_path_factory.mktemp("fold"))


def test_more_files_than_a_few_become_one_beside_the_new_one(seen: dict[str, Any]) -> None:
    # A fold where the base has more than three.
    assert [look["files"] for look in seen["history"]["looks"]] == [1, 2, 3, 4, 2, 3, 4, 2, 3]


def test_the_audit_sees_the_new_rows_and_no_others(seen: dict[str, Any]) -> None:
    for number, look in enumerate(seen["history"]["looks"]):
        assert look["added"] == look["added_on_spark"] == [f"A{number}", f"B{number}"]


def test_main_stays_as_it_was_until_the_branch_is_published(seen: dict[str, Any]) -> None:
    assert [look["main"] for look in seen["history"]["looks"]] == [[2 * number, 2 * number] for number in NUMBERS]


def test_every_snapshot_of_main_has_the_rows_it_had(seen: dict[str, Any]) -> None:
    for number, rows in enumerate(seen["history"]["rows"]):
        assert rows == sorted(f"{letter}{nth}" for letter in "AB" for nth in range(number + 1))
    assert seen["history"]["spark_rows"] == seen["history"]["rows"][-1]


def test_a_commit_is_found_by_its_id_across_folds(seen: dict[str, Any]) -> None:
    assert seen["history"]["commits"] == seen["history"]["heads"]


def test_files_of_main_outlive_a_branch_that_folded_them_and_was_given_up(seen: dict[str, Any]) -> None:
    # Eighteen rows, and two more files until there are four.
    assert seen["given_up"] == {"files": 2, "left": [False, False], "same": True, "rows": 20}


def test_a_table_with_partitions_is_left_as_it_is(seen: dict[str, Any]) -> None:
    assert seen["partitioned"] == 5


def test_a_table_of_an_older_version_gets_the_properties_it_lacks(seen: dict[str, Any]) -> None:
    assert seen["properties"] == "10"
