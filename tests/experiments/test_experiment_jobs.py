"""Experiments on real Spark, Iceberg and S3, beside a champion of the daily run's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from afterbell.release.audit import moves
from afterbell.release.catalog import read_champion, verify_release
from afterbell.stores.artifacts import ArtifactStore
from tests.small import edit
from tests.spark_run import run_scenario
from tests.training.test_train_job import SPEC

pytestmark = pytest.mark.services
SEARCH = """
search:
  lightgbm: {num_leaves: {low: 3, high: 15}}
  ridge: {penalty: {low: 0.01, high: 10, log: true}}
"""


@pytest.fixture(scope="module")
def store(services):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, services.env[name])
        found = ArtifactStore(replace(services.runtime.s3, artifact_bucket="experiment-tests"))
        found.ensure_bucket()
        yield found


@pytest.fixture(scope="module")
def results(services, store, tmp_path_factory):
    home = tmp_path_factory.mktemp("experiments")
    (home / "config" / "models").mkdir(parents=True)
    (home / "config" / "models" / "daily.yaml").write_text(SPEC + SEARCH, encoding="utf-8")
    config = Path(__file__).parents[2] / "include" / "config"
    for name in ("gate.yaml", "platform.yaml"):
        (home / "config" / name).write_text((config / name).read_text(encoding="utf-8"), encoding="utf-8")
    gate = {
        "too_good": {"rank_ic": 0.3, "t": 100.0, "sharpe": 1e6},  # the world plants more than a market has
        "replacement": {"margin": 0.05, "loss_budget": 0.05},
    }
    edit(home / "config" / "gate.yaml", gate)
    own = {"AFTERBELL_CONFIG": str(home / "config"), "AFTERBELL_ARTIFACT_BUCKET": store.bucket}
    found = run_scenario("tests/experiments/experiment_world.py", home, services.env | own)
    lines = (home / "scenario.log").read_text(encoding="utf-8").splitlines()
    return found | {"lines": lines, "home": home}


def candidate(store, experiment, wanted):
    return json.loads(store.get(f"experiments/{experiment}/candidates/{wanted}/candidate.json"))


def test_nothing_of_the_daily_run_is_touched(results):
    assert results["published"]["moved"]
    assert results["after"] == results["before"]


def test_one_trial_of_the_daily_settings_makes_the_daily_models_byte_for_byte(results, store):
    own = candidate(store, results["same_judged"]["experiment"], results["same"]["candidate_id"])
    daily = json.loads(store.get(f"candidates/{results['daily']['candidate_id']}/candidate.json"))
    assert own["models"] == daily["models"]
    assert own["spec"] == daily["spec"]
    assert own["search"] == []
    assert results["same"]["candidate_id"] != results["daily"]["candidate_id"]


def test_two_trials_of_two_families_choose_on_the_earlier_folds_and_report_the_last(results, store):
    found = candidate(store, results["verdict"]["experiment"], results["one"]["candidate_id"])
    assert [(entry["family"], entry["horizon"], len(entry["trials"])) for entry in found["search"]] == [
        ("lightgbm", 1, 2), ("lightgbm", 5, 2), ("ridge", 1, 2), ("ridge", 5, 2),
    ]  # fmt: skip
    for entry in found["search"]:
        complete = [trial for trial in entry["trials"] if trial["ending"] == "complete"]
        best = max(complete, key=lambda trial: trial["rank_ic"])
        assert entry["chosen"] == best["number"]
        assert 0.0 <= entry["deflated_sharpe"] <= 1.0
        assert (entry["planned"], entry["done"], entry["failed"], entry["left_out"]) == (2, 2, 0, "")
    # Two trials on two of three folds for each of two families and horizons are 16 fits; a fold and a final fit each
    # are made of the own setting, for the deadline, and of another one where that is chosen.
    others = sum(entry["chosen"] != 0 for entry in found["search"])
    count = 16 + 8 + 2 * others
    assert any(line.startswith(f"experiment_train: {count}/{count} ") for line in results["lines"])
    assert results["verdict"]["metrics"]["h1"]["sessions"] == 40
    assert results["same_judged"]["metrics"]["h1"]["sessions"] == 120


def test_the_planted_signal_is_found_on_the_sessions_that_the_choice_never_saw(results):
    found = results["verdict"]["metrics"]["h1"]
    assert abs(found["families"]["ridge"]["rank_ic"] - 0.15) < 3 * found["rank_ic_se"] + 0.02


def test_no_row_from_before_the_first_day_is_used(results, store):
    found = candidate(store, results["verdict"]["experiment"], results["one"]["candidate_id"])
    # The universe wants ten bars, and looks no further back either: the tenth session from 2019-02-01 on.
    assert found["train_sessions"][0] == "2019-02-14"


def test_the_costs_that_are_asked_for_are_charged(results):
    # Ten times the cost at about the same turnover leaves less; the daily portfolio pays 5 basis points.
    dear, cheap = results["verdict"]["metrics"]["h1"], results["same_judged"]["metrics"]["h1"]
    assert dear["sharpe_net"] < cheap["sharpe_net"]


def test_running_it_again_changes_nothing(results):
    assert results["again"]["noop"]
    assert results["again"]["candidate_id"] == results["one"]["candidate_id"]
    assert results["verdict_again"]["metrics"] == results["verdict"]["metrics"]
    assert results["verdict_again"]["deflated_sharpe"] == results["verdict"]["deflated_sharpe"]


def test_it_is_compared_with_the_champion_on_their_common_sessions(results, store):
    assert results["verdict"]["champion"] == results["published"]["release_id"]
    found = json.loads(store.get(f"experiments/{results['verdict']['experiment']}/metrics.json"))
    assert [(each["horizon"], each["sessions"]) for each in found["comparisons"]] == [(0, 40), (1, 40), (5, 40)]


def test_the_report_says_what_was_tried_and_where_it_lies(results, store):
    key = results["verdict"]["report_key"]
    assert key == f"experiments/{results['verdict']['experiment']}/report.html"
    report = store.get(key).decode()
    for said in ("Experiment", "Trials", "2 trials, number", "deflated Sharpe ratio", "50 basis points", "search"):
        assert said in report, said
    assert Path(results["verdict"]["report_path"]).read_text(encoding="utf-8") == report
    request = json.loads(store.get(f"experiments/{results['verdict']['experiment']}/request.json"))
    assert request["trials"] == 2


def test_the_report_is_titled_by_the_experiment_and_promises_nothing(results, store):
    report = store.get(results["verdict"]["report_key"]).decode()
    assert results["verdict"]["verdict"] == "publish"
    title = f"experiment search ({results['verdict']['experiment']})"
    assert f"<title>Afterbell {title}: publish</title>" in report
    assert f"Afterbell: {title}</h1>" in report
    assert "Passed the gate: a person is asked whether to promote it" in report
    assert "becomes champion" not in report


def test_what_the_daily_run_could_not_go_on_with_is_held(results):
    assert results["strange"]["verdict"] == "hold"
    assert (
        "the daily run does not make horizon 3" in results["strange"]["reason"]
        or "horizons [5]" in (results["strange"]["reason"])
    )
    assert results["beyond"]["verdict"] == "hold"
    assert not results["beyond"]["moves"]


def test_a_promotion_goes_through_release_verification_and_the_audit_trail(results, store):
    assert results["verdict"]["verdict"] == "publish", results["verdict"]["reason"]
    assert results["promoted"]["moved"]
    champion, _ = read_champion(store)
    assert champion.release_id == results["promoted"]["release_id"]
    assert champion.candidate_id == results["one"]["candidate_id"]
    assert verify_release(store, champion.release_id).predicted == 4
    entry = next(moves(store, champion))
    assert (entry.action, entry.by) == ("promote", "ann, agreed to by bob")
    assert entry.reason.endswith(": why not; $(id)")
    assert entry.source.release_id == results["published"]["release_id"]


def test_promoting_again_changes_nothing(results):
    assert not results["twice"]["moved"]
    assert results["twice"]["champion"] == results["promoted"]["champion"]


def test_the_promoted_predictions_are_where_the_next_night_looks_for_them(results):
    assert results["rows"] == results["own"] > 0
    assert results["next"]["champion_candidate_id"] == results["one"]["candidate_id"]
    assert results["next"]["verdict"] in {"publish", "keep"}
