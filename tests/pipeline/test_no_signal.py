"""In a market without any signal the daily run finds none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from afterbell.config.runtime import Runtime
from afterbell.run.steps import STEPS, inputs_of, step_named
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.upload import upload
from tests.ingest.writers import Writer
from tests.pipeline.conftest import SESSIONS, SYMBOLS

pytestmark = pytest.mark.services
LAST = "2026-06-30"


@pytest.fixture
def metrics(services: Any, tmp_path, monkeypatch) -> dict[str, Any]:
    """What the steps of a daily run measure, in one Spark driver, up to the one that judges."""
    stores = services.env | {
        "AFTERBELL_FEED_BUCKET": "no-signal-feed",
        "AFTERBELL_ARTIFACT_BUCKET": "no-signal-artifacts",
        "AFTERBELL_HDFS_ROOT": "/no-signal",
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, stores[name])
    runtime = Runtime.from_env(stores)
    ArtifactStore(runtime.s3).ensure_bucket()
    spec = MarketSpec(symbols=SYMBOLS, sessions=SESSIONS, last_session=date.fromisoformat(LAST), signal=0.0)
    upload(deliveries(simulate(spec)), runtime)
    driver = Writer(tmp_path, stores, "tests/fences/scenario_rival.py")
    try:
        assert driver.answer() == {"ready": True}
        results: list[dict[str, Any]] = [{"origin": "manual"}]
        for step in STEPS[: STEPS.index("evaluate") + 1]:
            inputs: Any = inputs_of(step_named(step), results).to_json()
            found = driver.ask("step", name=step, session=LAST, run_id="no-signal", inputs=inputs)["done"]
            assert found["status"] == 0, f"{step}: {found}; {driver.tail()}"
            results.append(found)
        return results[-1]["metrics"]
    finally:
        driver.close()


def test_without_a_signal_none_is_found(metrics):
    for horizon in ("h1", "h5"):
        found = metrics[horizon]
        assert abs(found["ic"]) < 3 * found["ic_se"], horizon
        assert abs(found["rank_ic"]) < 3 * found["rank_ic_se"], horizon
