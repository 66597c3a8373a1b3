"""One faulty market, ingested and validated once for all files of this room."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Services
from tests.spark_run import run_scenario


@pytest.fixture(scope="session")
def seen(services: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/faults/content/scenario_content.py", tmp_path_factory.mktemp("content"), services.env)


@pytest.fixture
def bulk(seen: dict[str, Any]) -> dict[str, Any]:
    """Everything up to ``market.LAST`` in one run: the tables after it, and what the run said."""
    found = seen["bulk"]
    assert "error" not in found["run"], found["run"]
    return {**found["tables"], **found["run"], "report": found["report"]}
