"""An experiment as an analyst runs it, on real S3, Spark and Airflow, beside the champion of a daily run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.services
FORM = """
name: two-by-two
first: 2025-11-03
last: 2026-06-30
horizons: [1]
families: [lightgbm, ridge]
factor_sets: [core]
trials: 2
cost_bps: 7.5
seed: 11
min_price: 2.0
min_dollar_volume: 100000.0
"""
DAILY = ("market.bars", "features.core", "predictions.out_of_sample", "signals.daily")


def held(afterbell):
    sql = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS n FROM {name}" for name in DAILY)  # noqa: S608
    return sorted((row["name"], row["n"]) for row in afterbell("query", sql, "--json").json)


@pytest.fixture(scope="module")
def tried(planted, tmp_path_factory):
    """The experiment with a person who would agree; what was there before, and the answer."""
    afterbell, _ = planted
    form = tmp_path_factory.mktemp("form") / "form.yaml"
    form.write_text(FORM, encoding="utf-8")
    before = held(afterbell)
    alone = afterbell("experiment", "run", str(form), "--json")
    assert alone.status == 0, alone.out + alone.err
    between = held(afterbell)
    (champion,) = [row for row in afterbell("release", "list", "--json").json if row["champion"]]
    agreed = afterbell("experiment", "run", str(form), "--promote", "--note", "for the test", "--json")
    assert agreed.status == 0, agreed.out + agreed.err
    return {"before": before, "between": between, "champion": champion["release_id"], "alone": alone.json} | {
        "agreed": agreed.json
    }


def test_an_experiment_that_nobody_promotes_leaves_the_daily_run_as_it_was(planted, tried):
    _, summary = planted
    assert tried["between"] == tried["before"]
    assert tried["champion"] == summary["release_id"]
    assert "experiment_promote" not in tried["alone"]["step_seconds"]


def test_it_reports_the_trials_and_the_sessions_that_the_choice_never_saw(tried):
    found = tried["alone"]
    assert [(entry["family"], len(entry["trials"])) for entry in found["search"]] == [("lightgbm", 2), ("ridge", 2)]
    assert found["metrics"]["h1"]["sessions"] == 40
    assert 0.0 <= found["deflated_sharpe"]["h1"] <= 1.0
    assert found["request"]["cost_bps"] == 7.5
    assert found["report"].endswith(f"experiments/{found['experiment']}/report.html")


def test_an_agreed_promotion_goes_through_the_gate_and_is_audited(planted, tried):
    afterbell, summary = planted
    found, history = tried["agreed"], afterbell("release", "history", "--json").json
    assert found["verdict"] in {"publish", "hold", "keep"}
    if found["verdict"] != "publish":
        assert [row["action"] for row in history] == ["publish"]
        return
    assert list(found["step_seconds"])[-2:] == ["ask", "experiment_promote"]
    assert history[0]["action"] == "promote"
    assert history[0]["from"] == summary["release_id"]
    assert history[0]["reason"].endswith(": for the test")
    assert ", agreed to by " in history[0]["by"]
    back = afterbell("release", "rollback", "--reason", "the test is over", "--json").json
    assert back["champion"] == summary["release_id"]


def test_experiments_are_listed_and_shown(planted, tried):
    afterbell, _ = planted
    (row,) = afterbell("experiment", "list", "--json").json
    assert (row["experiment"], row["name"], row["trials"]) == (tried["alone"]["experiment"], "two-by-two", 2)
    assert afterbell("experiment", "show", row["experiment"], "--json").json["request"]["seed"] == 11
    refused = afterbell("experiment", "show", "../champion", "--json")
    assert refused.status == 2
    assert "is not an id" in refused.json["error"]["message"]
