"""Maintenance removes what nobody names and nobody can need; every row that could be read can still be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Services
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
NOTHING = {
    "branches": [], "postponed": [], "compacted": 0, "files": 0, "manifests": 0, "snapshots": 0, "deleted": 0,
    "orphans": 0,
}  # fmt: skip


@pytest.fixture(scope="module", params=["file", "s3a"])
def seen(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    home: Path = tmp_path_factory.mktemp("maintenance")
    bucket = f"maintenance-{request.param}"
    stores = services.env | {"AFTERBELL_ARTIFACT_BUCKET": bucket, "KIND_OF_WAREHOUSE": request.param}
    return run_scenario("tests/lake/scenario_maintenance.py", home, stores)


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(seen: dict[str, Any]) -> None:
    found = seen["dry"]["tables"]["market.bars"]
    assert (found["compacted"], found["snapshots"], found["orphans"]) == (6, 0, 1)
    assert seen["after_dry"] == seen["before"]


def test_small_files_of_a_partition_become_one_and_every_snapshot_answers_as_before(seen: dict[str, Any]) -> None:
    found = seen["first"]["tables"]["market.bars"]
    assert (found["compacted"], found["files"]) == (6, 1)
    assert found["manifests"] > 3
    assert seen["after_first"]["head"] != seen["before"]["head"]
    for kept in ("rows", "as_of"):
        assert seen["after_first"][kept] == seen["before"][kept]
    assert [len(rows) for rows in seen["before"]["rows"]] == [3, 7, 11, 15, 19, 23]
    assert len(seen["before"]["as_of"]) == 15  # three symbols, five sessions known at noon of the sixth


def test_old_orphans_go_and_young_files_stay(seen: dict[str, Any]) -> None:
    assert seen["first"]["tables"]["market.bars"]["orphans"] == 1
    assert seen["after_first"]["orphans"] == [False, True]


def test_tables_of_an_audit_at_work_are_left_as_they_are(seen: dict[str, Any]) -> None:
    assert seen["first"]["tables"]["market.symbols"] == NOTHING | {"postponed": ["audit_open_1"]}
    assert seen["after_first"]["branch"] is True


def test_what_is_young_is_kept_and_a_second_round_finds_nothing(seen: dict[str, Any]) -> None:
    assert seen["first"]["snapshots"] == 0
    assert seen["second"]["tables"]["market.bars"] == NOTHING
    assert seen["second"]["tables"]["market.symbols"]["branches"] == []


def test_a_clock_that_runs_ahead_makes_nothing_old(seen: dict[str, Any]) -> None:
    assert seen["ahead"]["tables"]["market.bars"] == NOTHING
    assert seen["ahead"]["tables"]["market.symbols"] == NOTHING | {"postponed": ["audit_open_1"]}
    assert (seen["after_ahead"]["branch"], seen["ahead"]["folders"]) == (True, [])
    assert seen["after_ahead"]["rows"] == seen["after_first"]["rows"]


def test_later_snapshots_that_nobody_names_are_gone_with_their_files(seen: dict[str, Any]) -> None:
    # The empty first commit, the first, third, fifth and sixth, and the compaction, whose manifests were rewritten: the
    # release names the second, a run the fourth.
    assert seen["later"]["market.bars"]["snapshots"] == 6
    gone = [index for index, rows in enumerate(seen["after_later"]["rows"]) if len(rows) == 1]
    assert gone == [0, 2, 4, 5]
    # Six small files and the one they became: the fourth snapshot still names the first four.
    assert (seen["after_first"]["files"], seen["after_later"]["files"]) == (6 + 1 + 1, 4 + 1)


@pytest.mark.parametrize(("index", "rows"), [(1, 7), (3, 15)])
def test_a_snapshot_that_a_release_or_a_run_names_answers_byte_for_byte(
    seen: dict[str, Any], index: int, rows: int
) -> None:
    assert len(seen["after_all"]["rows"][index]) == rows
    assert seen["after_all"]["rows"][index] == seen["before"]["rows"][index]


def test_reads_as_of_an_instant_never_change(seen: dict[str, Any]) -> None:
    for when in ("after_dry", "after_first", "after_later", "after_all"):
        assert seen[when]["as_of"] == seen["before"]["as_of"]


def test_an_abandoned_audit_branch_is_dropped_once_no_run_can_hold_it(seen: dict[str, Any]) -> None:
    assert seen["later"]["market.symbols"]["branches"] == ["audit_open_1"]
    assert seen["after_later"]["branch"] is False


def test_later_again_there_is_nothing_left_to_do(seen: dict[str, Any]) -> None:
    assert seen["later_again"] == {"market.bars": NOTHING, "market.symbols": NOTHING}


def test_a_commit_whose_snapshot_expired_is_still_not_made_twice(seen: dict[str, Any]) -> None:
    assert seen["rerun"] == {
        "wrote": False,
        "moved": False,
        "holds_its_rows": 4,
        "own_snapshot": [1, 3],
        "lost": [],
    }


def test_a_manifest_that_cannot_be_read_stops_everything(seen: dict[str, Any]) -> None:
    assert seen["unreadable"].startswith("PermanentError: maintenance-")
    assert "/releases/2016-06-30-bbbbbbbbbbbb/" in seen["unreadable"]
    assert "nothing was removed" in seen["unreadable"]
    assert seen["after_all"]["head"] == seen["after_later"]["head"]
