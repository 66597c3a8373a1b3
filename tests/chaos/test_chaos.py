"""Two daily runs while Airflow's processes are killed; `make chaos` does ten."""

from __future__ import annotations

import pytest

from tests.chaos.scenario import chaos

pytestmark = pytest.mark.services


def test_whatever_is_killed_every_run_ends_and_publishes_once(tmp_path):
    found = chaos(tmp_path, runs=2, seed=7, every=40.0, limit=3600.0, tell=print)
    assert found.troubles == []
    assert sum(found.states.values()) == 2
    assert sum(found.killed.values()) > 0
