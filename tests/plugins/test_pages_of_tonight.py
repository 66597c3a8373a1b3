"""What the page of a session tells, from a real store and Airflow's own database; times are worked out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.plugins.conftest import CLOSE, SESSION, add_run, put
from tests.plugins.pages_world import MANIFEST, RUN_ID, SLUG, at, put_run, result


def test_tonight_tells_each_stage_and_the_time_to_the_deadline(client, store, database):
    tasks = [
        ("open_run", "success", at(5), at(6)), ("await_drops", "success", at(7), at(8)),
        ("ingest", "success", at(9), at(31)), ("validate", "running", at(35), None),
    ]  # fmt: skip
    opened = {"session": SESSION, "deadline": "2026-06-30T22:00:00+00:00", "budgets": {"seconds": {"ingest": 20.0}}}
    add_run(database, RUN_ID, state="running", started=at(5), tasks=tasks, opened=opened)
    forecast = {
        "at": "2026-06-30T20:00:35+00:00",
        "step": "validate",
        "finish": "2026-06-30T21:43:00+00:00",
        "slack": 1020.0,
    }
    left_out = {"left_out": ["folds but the newest 2"]}
    put_run(store, forecast=[forecast | {"slack": 2000.0}, forecast | left_out])
    found = client.json(f"/tonight?session={SESSION}")
    assert (found["forecast"]["finish"], found["forecast"]["slack"]) == ("2026-06-30T21:43:00+00:00", 1020.0)
    assert found["left_out"] == ["by the forecast: folds but the newest 2"]
    assert found["calendar"]["close"] == "2026-06-30T20:00:00+00:00"
    assert found["calendar"]["deadline"] == "2026-06-30T22:00:00+00:00"
    assert (found["calendar"]["before"], found["calendar"]["after"]) == ("2026-06-29", "2026-07-01")
    assert found["run"]["run_id"] == RUN_ID
    assert found["run"]["deadline"] == "2026-06-30T22:00:00+00:00"
    stages = {stage["step"]: stage for stage in found["stages"]}
    assert list(stages) == [
        "open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score",
    ]  # fmt: skip
    assert (stages["ingest"]["seconds"], stages["ingest"]["budget"]) == (22.0, 20.0)
    assert (stages["validate"]["state"], stages["validate"]["seconds"]) == ("running", None)
    assert stages["score"]["state"] == ""
    text = client(f"/tonight?session={SESSION}").text
    assert '<time datetime="2026-06-30T20:00:00+00:00">2026-06-30 20:00 UTC</time>' in text
    assert "16:00 EDT" in text
    assert "<svg" in text
    assert "12.5 minutes" in text


def test_a_run_that_only_the_store_knows_is_told_from_its_results(client, store):
    put_run(store, score=result("score", 72, 8))
    found = client.json(f"/tonight?session={SESSION}")
    assert (found["run"]["run_id"], found["run"]["slug"]) == (None, SLUG)
    assert found["run"]["started"] == at(10).isoformat()
    assert found["run"]["ended"] == at(80).isoformat()
    assert found["run"]["left_seconds"] == 7200 - 80
    assert found["verdict"]["published"] == MANIFEST["release_id"]


def test_a_run_of_long_ago_is_held_to_two_hours_from_its_start(client, store, database):
    late = CLOSE + timedelta(days=40)
    add_run(database, RUN_ID, started=late, end_date=late + timedelta(minutes=3))
    found = client.json(f"/tonight?session={SESSION}")["run"]
    assert found["replayed"] is True
    assert found["deadline"] == (late + timedelta(hours=2)).isoformat()
    assert found["left_seconds"] == 7200 - 180


def test_a_run_that_failed_has_no_time_in_hand_and_what_never_ran_no_times(client, database):
    tasks = [("ingest", "failed", at(9), at(31)), ("validate", "upstream_failed", at(31), at(31))]
    add_run(database, RUN_ID, state="failed", end_date=at(32), tasks=tasks)
    found = client.json(f"/tonight?session={SESSION}")
    assert found["run"]["left_seconds"] < 0  # it is long after that session
    validate = next(stage for stage in found["stages"] if stage["step"] == "validate")
    assert (validate["state"], validate["started"], validate["seconds"]) == ("upstream_failed", None, None)
    assert "To spare" not in client(f"/tonight?session={SESSION}").text


def test_the_page_of_a_run_finds_its_session(client, database):
    add_run(database, RUN_ID, tasks=[("open_run", "success", at(1), at(2))])
    found = client.json("/tonight?dag=daily_retraining&run=manual__2026-06-30T20%3A00%3A05")
    assert (found["calendar"]["session"], found["run"]["run_id"]) == (SESSION, RUN_ID)
    assert client("/tonight?dag=maintenance&run=scheduled__x").status_code == 404
    assert "show the runs of daily_retraining alone" in client("/tonight?dag=maintenance&run=x").text


def test_a_half_day_ends_early_and_says_so(client):
    found = client.json("/tonight?session=2026-11-27")["calendar"]
    assert (found["half_day"], found["close"]) == (True, "2026-11-27T18:00:00+00:00")
    assert "half day" in client("/tonight?session=2026-11-27").text


def test_tonight_tells_what_changed_since_the_session_before(client, store):
    put_run(store)
    changes = [
        {"name": "verdict", "before": "keep", "now": "publish"},
        {"name": "rank IC, h1", "before": 0.08, "now": 0.06},
    ]
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"since": {"session": "2026-06-29", "changes": changes}})
    assert client.json(f"/tonight?session={SESSION}")["since"] == {"session": "2026-06-29", "changes": changes}
    text = client(f"/tonight?session={SESSION}").text
    assert "What changed since 2026-06-29" in text
    assert "verdict keep → publish; rank IC, h1 0.08 → 0.06" in text


@pytest.mark.parametrize(
    "since", [7, [], {"session": "x"}, {"changes": [{}]}, {"session": "x", "changes": [3, {"a": 1}]}]
)
def test_changes_of_another_shape_break_no_page(client, store, since):
    put_run(store)
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"since": since})
    assert client(f"/tonight?session={SESSION}").status_code == 200
