"""A daily run whose Airflow is killed piece by piece ends green or says why not, with one release and no row twice."""

from functools import partial
from pathlib import Path

import pytest

from tests.chaos.scenario import chaos

SEED, EVERY = 0, 25.0
"""In this order it kills dag-processor, worker, triggerer, API server and scheduler in the first two minutes."""
MOST = 5
LIMIT = 3600.0
"""Seconds after which what still runs hangs."""


@pytest.mark.services
def test_a_run_outlives_the_deaths_of_airflows_processes(tmp_path: Path):
    found = chaos(tmp_path, 1, SEED, EVERY, LIMIT, partial(print, flush=True), MOST)
    assert not found.troubles
    assert len(found.killed) >= 3
