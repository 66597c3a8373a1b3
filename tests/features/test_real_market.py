"""Sixty-four real sessions, a quarter of their symbols: the rows of one job are those of each session on its day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = [pytest.mark.services, pytest.mark.market]


@pytest.fixture(scope="module")
def seen(market_drops: Path, services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/features/scenario_real.py", tmp_path_factory.mktemp("real"), services.env, own_java=True)


@pytest.mark.parametrize("name", ["alpha158", "core", "cross_section", "fundamental"])
def test_rows_of_one_job_are_those_of_each_session_on_what_was_known_then(seen: dict[str, Any], name: str) -> None:
    assert seen["sets"][name]["differ"] == []
    assert seen["sets"][name]["rows"] > 64 * 1_300


def test_there_were_restated_bars_to_get_wrong(seen: dict[str, Any]) -> None:
    assert seen["sessions"] >= 60
    assert seen["restated"] > 1_200
