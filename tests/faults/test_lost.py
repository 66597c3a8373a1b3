"""Row 40: a file of the lake that a snapshot names is gone. The lake is in a real S3, steps run as drivers run them."""

from __future__ import annotations

from typing import Any

import pytest

from afterbell.cluster.driver import EXIT_PERMANENT
from tests.conftest import Services
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
TABLES = {
    "ingest": "market.bars",
    "ledger": "raw.drops",
    "manifest": "market.bars",
    "features": "market.bars",
    "validate": "market.bars",
}


@pytest.fixture(scope="module")
def seen(services: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("lost")
    return run_scenario("tests/faults/scenario_lost.py", home, services.env, own_java=True)


@pytest.mark.parametrize("name", TABLES)
def test_row_40_a_file_of_the_lake_that_is_gone_fails_for_good_and_names_table_file_and_remedy(
    seen: dict[str, Any], name: str
) -> None:
    found = seen[name]
    assert found["status"] == EXIT_PERMANENT, found["said"]
    (line,) = [text for text in found["said"].splitlines() if "ObjectMissingError" in text]
    step = name if name in {"features", "validate"} else "ingest"
    assert line.startswith(f"{step}: ObjectMissingError: table {TABLES[name]}: expected the file {found['path']}, ")
    assert "this is data loss. Nothing was published. Put it back from " in line
    assert "Traceback" not in found["said"]


@pytest.mark.parametrize("name", TABLES)
def test_row_40_nothing_is_published(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["moved"] is False


def test_row_40_a_reader_without_spark_says_the_same(seen: dict[str, Any]) -> None:
    assert seen["read"]["said"].startswith("ObjectMissingError: table market.bars: expected the file ")
    assert seen["read"]["path"].removeprefix("s3a://") in seen["read"]["said"]


def test_row_40_once_the_file_is_back_the_same_branch_is_published(seen: dict[str, Any]) -> None:
    assert (seen["restored"]["status"], seen["restored"]["failed"]) == (0, 0)
    assert seen["restored"]["bars_snapshot"] != seen["first"]["bars_snapshot"]
