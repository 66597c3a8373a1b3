"""In a market without any signal the daily run finds none, publishes none, and has signals all the same."""

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
def results(services: Any, tmp_path, monkeypatch) -> dict[str, dict[str, Any]]:
    """The results of the steps of a daily run, in one Spark driver, by name."""
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
        for step in STEPS:
            inputs: Any = inputs_of(step_named(step), results).to_json()
            found = driver.ask("step", name=step, session=LAST, run_id="no-signal", inputs=inputs)["done"]
            assert found["status"] == 0, f"{step}: {found}; {driver.tail()}"
            results.append(found)
        return {result["step"]: result for result in results[1:]}
    finally:
        driver.close()


def test_without_a_signal_none_is_found_and_a_provisional_release_scores(results: dict[str, dict[str, Any]]) -> None:
    for horizon in ("h1", "h5"):
        metrics = results["evaluate"]["metrics"][horizon]
        assert abs(metrics["ic"]) < 3 * metrics["ic_se"], horizon
        assert abs(metrics["rank_ic"]) < 3 * metrics["rank_ic_se"], horizon
    assert results["evaluate"]["verdict"] == "hold"
    assert (results["publish"]["provisional"], results["publish"]["moved"]) == (True, False)
    assert results["score"]["provisional"] is True
    assert results["score"]["rows"] > 0
