"""S3 away in the middle of any step, and a warehouse without room: waited for, told, and gone on with."""

from __future__ import annotations

import re
from typing import Any

import pytest

from afterbell.run.steps import STEPS
from tests.conftest import Services
from tests.runbook.world import FIRST, SECOND
from tests.small_disk import may_mount
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
WRITES_TO_THE_LAKE = [step for step in STEPS if step != "publish"]


@pytest.fixture(scope="module")
def seen(services: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not may_mount():
        pytest.skip("a small file system can't be mounted here: that takes root")
    env = services.env | {"SERVICES_HOME": services.env["AFTERBELL_HOME"]}
    return run_scenario("tests/faults/scenario_outage.py", tmp_path_factory.mktemp("outage"), env, own_java=True)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_in_whose_middle_s3_goes_away_waits_and_goes_on(seen: dict[str, Any], step: str) -> None:
    found = seen["away"][step]
    assert found["left"] == 0, "the outage was not over when the step ended"
    assert found["last"] == ""
    # A conditional write that is cut off may have happened: the step reads it again when it is begun again.
    assert all(error.startswith("UnknownOutcomeError") for error in found["errors"])
    assert len(found["errors"]) <= 1


@pytest.mark.parametrize("step", WRITES_TO_THE_LAKE)
def test_a_step_on_a_full_disk_says_where_and_what_to_do_and_goes_on_when_there_is_room(
    seen: dict[str, Any], step: str
) -> None:
    found = seen["full"][step]
    assert found["full"].startswith("StoreFullError: a disk is full")
    assert re.search(r"/warehouse\S*: \d+ of 50331648 bytes are free", found["full"]), found["full"]
    assert "Free space there" in found["full"]
    assert found["again"] == ""


@pytest.mark.parametrize("step", [*WRITES_TO_THE_LAKE, "publish"])
def test_a_step_that_found_no_room_has_moved_no_table_by_half(seen: dict[str, Any], step: str) -> None:
    moved = set(seen["full"][step]["moved"])
    whole = {"validate": {"raw.drops", "market.bars"}, "features": {"features.core"}}
    assert moved in (set(), whole.get(step, set()))


def test_no_half_written_file_is_left_where_the_room_is_needed(seen: dict[str, Any]) -> None:
    assert seen["full"]["broken_files"] == []


def test_both_sessions_are_published_and_scored_once(seen: dict[str, Any]) -> None:
    assert seen["first"].startswith(FIRST.isoformat())
    assert seen["second"].startswith(SECOND.isoformat())
    assert seen["signals"] == {FIRST.isoformat(): [seen["first"]], SECOND.isoformat(): [seen["second"]]}
    assert seen["rows"]["twice"] == 0


@pytest.mark.parametrize("library", ["spark", "arrow"])
def test_what_a_library_really_says_of_an_s3_that_is_away_is_known(seen: dict[str, Any], library: str) -> None:
    assert seen["words"][library].startswith("StoreUnavailableError: S3 did not answer")
