"""On real Spark and S3: a search whose driver comes back after kill -9 repeats nothing; a failed fit costs that fit."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from afterbell.stores.artifacts import ArtifactStore
from tests.forked_drivers import start_driver
from tests.patience import LONG
from tests.spark_run import run_scenario, scenario_env, tail
from tests.training.restart_world import KILLED_AFTER, TRIALS

pytestmark = pytest.mark.services
SCRIPT = "tests/training/restart_world.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("restart")


@pytest.fixture(scope="module")
def results(services, home):
    """What the second driver saw, after the first was killed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, services.env[name])
        store = ArtifactStore(replace(services.runtime.s3, artifact_bucket="restart-tests"))
        store.ensure_bucket()
        env = services.env | {"AFTERBELL_ARTIFACT_BUCKET": store.bucket}
        kill_first(home, env)
        return run_scenario(SCRIPT, home, env, own_java=True)


def kill_first(home, env):
    log = home / "killed.log"
    with log.open("w", encoding="utf-8") as stream, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), stream.fileno(), stream.fileno())
        script = Path(__file__).parents[2] / SCRIPT
        driver = start_driver(script, [str(home / "never.json")], scenario_env(home, env), home, streams)
    try:
        status = driver.wait(4 * LONG)
    finally:
        driver.kill()
    assert status in {-signal.SIGKILL, 128 + signal.SIGKILL}, f"status {status}; {tail(log)}"
    assert not (home / "never.json").exists()


def test_no_finished_fit_is_repeated(results, home):
    before = json.loads((home / "done.json").read_text(encoding="utf-8"))
    after, whole = results["restarted"]["run"], results["undisturbed"]["run"]
    assert len(before) == KILLED_AFTER
    assert len(whole) == len(set(whole)) == results["undisturbed"]["planned"] == 18
    # What else the killed driver finished and wrote down is not repeated either.
    assert set(after) <= set(whole) - set(before)
    assert len(after) == len(set(after))


def test_the_result_is_that_of_a_driver_that_was_never_killed(results):
    restarted, undisturbed = results["restarted"], results["undisturbed"]
    assert restarted["candidate"] == undisturbed["candidate"]
    assert restarted["results"] == undisturbed["results"]
    assert restarted["search"] == undisturbed["search"]
    assert [entry["done"] for entry in undisturbed["search"]] == [4, 4]
    assert [model["path"] for model in restarted["candidate"]["models"]] == [
        "models/lightgbm-h1.txt",
        "models/ridge-h1.json",
    ]


def test_records_are_there_until_the_candidate_is(results):
    assert results["undisturbed"]["left"] != []
    assert all(key.startswith("fits/undisturbed/") for key in results["undisturbed"]["left"])


def test_an_exception_in_one_of_twelve_fits_costs_that_fit(results):
    *sound, last = results["failed"]["reasons"]
    assert sound == [""] * 11
    assert last == "failed: ValueError: tuple.index(x): x not in tuple"


def test_a_task_that_dies_is_done_again_with_the_same_results(results):
    assert results["failed"]["dying"] == results["failed"]["sound"]


def test_trials_share_their_bins_on_the_executors_host(results):
    shared = results["shared"]
    assert shared["together"] == shared["alone"]
    assert len(set(shared["together"])) == len(TRIALS)
    assert len(shared["files"]) == 1
