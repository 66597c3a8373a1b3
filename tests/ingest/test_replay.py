"""All drops in one run give the rows that session after session gives: every column of every table, on real stores."""

from __future__ import annotations

from typing import Any

import pytest

from bench.lakes import CONTENT
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_replay.py", tmp_path_factory.mktemp("replay"), services.env)


@pytest.mark.parametrize("table", CONTENT)
def test_a_simulated_market_with_its_vendors_mistakes(seen: dict[str, Any], table: str) -> None:
    found = seen["simulated"]["tables"][table]
    assert found["equal"], found


@pytest.mark.parametrize("table", CONTENT)
def test_real_drops_with_a_holiday_a_repeated_body_and_one_taken_too_early(
    seen: dict[str, Any], market_drops: Any, table: str
) -> None:
    found = seen["real"]["tables"][table]
    assert found["equal"], found


def test_the_feeds_had_faults_in_them_and_forty_sessions(seen: dict[str, Any]) -> None:
    simulated = seen["simulated"]
    assert simulated["sessions"] >= 40
    assert min(simulated["tables"][table]["rows"][0] for table in ("market.quarantine", "market.corporate_actions")) > 0
    # 40 symbols over 44 sessions, and the session before the first: each known at least once, and some restated
    assert simulated["tables"]["market.bars"]["rows"][0] > 40 * 45
    if "real" in seen:
        assert seen["real"]["sessions"] == 50
        assert seen["real"]["tables"]["market.quarantine"]["rows"][0] > 0
