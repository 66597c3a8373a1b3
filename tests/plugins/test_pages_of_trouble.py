"""What the pages tell of a run that failed, of one that is under way, and of a session that was run several times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from afterbell.airflow.pages.backfills import standing
from tests.plugins.conftest import SESSION, add_run, put
from tests.plugins.pages_world import HOSTILE, RUN_ID, SLUG, at

TOLD = {"task": "train", "kind": "NoResourcesError", "what": "no offer has 8 cores", "where": "try 2 of run m",
        "do": "Give the cluster what the message names."}  # fmt: skip


def result(step, begun, seconds, **more):
    return {"step": step, "started_at": at(begun).isoformat(), "finished_at": at(begun + seconds).isoformat()} | more


def failed_run(database, **more):
    tasks = [("features", "success", at(9), at(31)), ("train", "failed", at(32), at(40)),
             ("publish", "upstream_failed", at(41), at(41))]  # fmt: skip
    add_run(database, RUN_ID, state="failed", end_date=at(41), tasks=tasks, **more)


def test_a_failed_stage_says_why_and_what_to_do(client, database):
    failed_run(database, failures={"train": TOLD})
    stages = {stage["step"]: stage for stage in client.json(f"/tonight?session={SESSION}")["stages"]}
    assert stages["train"]["failure"] == {name: TOLD[name] for name in ("kind", "what", "where", "do")}
    assert [name for name, stage in stages.items() if stage["failure"]] == ["train"]
    text = client(f"/tonight?session={SESSION}").text
    for part in ("train failed: NoResourcesError", "no offer has 8 cores", "Give the cluster what the message names."):
        assert part in text
    assert "/tasks/train" in text


def test_a_stage_whose_worker_was_lost_says_so(client, database):
    failed_run(database)
    text = client(f"/tonight?session={SESSION}").text
    assert "The task recorded no reason: its worker was lost, or a user marked it as failed." in text


def test_a_run_that_failed_without_a_failed_task_says_so(client, database):
    add_run(database, RUN_ID, state="failed", end_date=at(41), tasks=[("train", "skipped", None, None)])
    assert "The run failed, and none of its tasks says why." in client(f"/tonight?session={SESSION}").text


def test_a_stage_that_is_tried_again_says_why(client, database):
    tasks = [("train", "up_for_retry", at(32), at(40))]
    add_run(database, RUN_ID, state="running", tasks=tasks, failures={"train": TOLD})
    assert "train failed, and will be retried: NoResourcesError" in client(f"/tonight?session={SESSION}").text


def test_a_run_outside_airflow_that_failed_is_told_by_what_its_driver_left(client, store):
    put(store, f"runs/{SESSION}/{SLUG}/ingest.json", result("ingest", 1, 9, rows=5))
    put(store, f"runs/{SESSION}/{SLUG}/validate.failure.json", {
        "kind": "ValidationFailedError", "message": "2 rules failed: row_count", "started_at": at(11).isoformat(),
        "failed_at": at(14).isoformat(),
    })  # fmt: skip
    found = client.json(f"/tonight?session={SESSION}")
    stages = {stage["step"]: stage for stage in found["stages"]}
    assert (found["run"]["state"], stages["validate"]["state"], stages["validate"]["seconds"]) == (
        "failed", "failed", 3.0,
    )  # fmt: skip
    assert stages["validate"]["failure"]["what"] == "2 rules failed: row_count"
    assert "Look at the failed rules in the Data Docs" in stages["validate"]["failure"]["do"]
    row = client.json(f"/sessions?before={SESSION}")["rows"][0]
    assert row["trouble"]["step"] == "validate"


def test_a_try_that_failed_before_the_one_that_did_not_is_forgotten(client, store):
    put(store, f"runs/{SESSION}/{SLUG}/ingest.failure.json", {"kind": "StoreFullError", "message": "no room"})
    put(store, f"runs/{SESSION}/{SLUG}/ingest.json", result("ingest", 1, 9, rows=5))
    found = client.json(f"/tonight?session={SESSION}")
    assert not any(stage["failure"] for stage in found["stages"])
    assert client.json(f"/sessions?before={SESSION}")["rows"][0]["trouble"] is None


def test_a_run_for_a_day_without_a_session_is_told_and_every_link_to_it_works(client, database):
    told = TOLD | {"task": "open_run", "kind": "NotASessionError", "what": "2026-07-03 is not a session of XNYS"}
    tasks = [("open_run", "failed", at(1), at(2))]
    add_run(database, RUN_ID, session="2026-07-03", state="failed", tasks=tasks, failures={"open_run": told})
    answer = client(f"/tonight?run={RUN_ID}")
    assert answer.status_code == 200
    assert "2026-07-03 is not a session of XNYS" in answer.text
    assert client("/sessions").status_code == 200


def running(database, store, **told):
    budgets = {"seconds": {"train": 600.0, "evaluate": 60.0, "publish": 30.0, "score": 30.0}}
    opened = {"session": SESSION, "deadline": "2099-06-30T22:00:00+00:00", "budgets": budgets}
    begun = datetime.now(UTC) - timedelta(seconds=120)
    tasks = [
        ("open_run", "success", at(1), at(2)),
        ("features", "success", at(9), at(31)),
        ("train", "running", begun, None),
    ]
    tasks += [(name, "", None, None) for name in ("evaluate", "publish", "score")]
    add_run(database, RUN_ID, state="running", tasks=tasks, opened=opened)
    body = {"step": "train", "what": "fits", "began": (begun + timedelta(seconds=20)).isoformat(),
            "at": (begun + timedelta(seconds=80)).isoformat()}  # fmt: skip
    put(store, f"runs/{SESSION}/{SLUG}/features.json", result("features", 9, 22))
    put(store, f"runs/{SESSION}/{SLUG}/train.progress.json", body | told)
    return begun


def test_a_stage_that_runs_says_how_far_it_is_how_fast_and_when_it_will_be_done(client, store, database):
    begun = running(database, store, done=6, of=24)
    found = client.json(f"/tonight?session={SESSION}")
    (train,) = [stage for stage in found["stages"] if stage["step"] == "train"]
    # 6 of 24 in the 60 seconds from the 20th to the 80th: the other 18 take 180 s more, up to the 260th
    assert (train["progress"]["done"], train["progress"]["of"], train["progress"]["percent"]) == (6, 24, 25.0)
    assert train["progress"]["per_minute"] == 6.0
    assert train["progress"]["finish"] == (begun + timedelta(seconds=260)).isoformat()
    assert found["forecast"]["finish"] == (begun + timedelta(seconds=260 + 120)).isoformat()
    text = client(f"/tonight?session={SESSION}").text
    assert '<progress max="24" value="6"' in text
    assert "6 of 24 fits, 6 a minute" in text


@pytest.mark.parametrize(
    "told",
    [
        {"done": 0, "of": 0}, {"done": "6", "of": 24}, {"done": 6, "of": None}, {"done": 6, "of": 24, "at": "noon"},
        {"done": 6, "of": 24, "began": "2026-06-30T20:00:00+00:00", "at": "2026-06-30T20:00:30+00:00"},
    ],
    ids=["nothing to count", "text", "none", "no instant", "of a try before it"],
)  # fmt: skip
def test_a_report_that_says_nothing_of_this_try_is_not_shown(client, store, database, told):
    running(database, store, **told)
    (train,) = [each for each in client.json(f"/tonight?session={SESSION}")["stages"] if each["step"] == "train"]
    assert train["progress"] is None


def test_what_has_only_begun_has_no_rate_yet(client, store, database):
    running(database, store, done=0, of=24)
    (train,) = [each for each in client.json(f"/tonight?session={SESSION}")["stages"] if each["step"] == "train"]
    assert (train["progress"]["per_minute"], train["progress"]["finish"]) == (None, None)
    assert client(f"/tonight?session={SESSION}").status_code == 200


def test_a_page_loads_itself_again_only_while_something_runs(client, store, database):
    running(database, store, done=1, of=2)
    text = client(f"/tonight?session={SESSION}").text
    assert 'data-refresh="5"' in text
    assert "refresh.js" in text
    assert "data-refresh" not in client("/tonight?session=2026-06-29").text
    assert "data-refresh" not in client("/releases").text
    assert client.json(f"/sessions?before={SESSION}")["refresh"] == 10


def daily(store, slug, begun, *, rows=1000, noop=False, **more):
    """What a run leaves; ``begun`` in seconds after the bell."""
    steps = {
        "ingest": result("ingest", begun, 9, rows=rows, noop=noop, drops={"landed": 3}),
        "validate": result("validate", begun + 10, 9, expectations=45, failed=0, noop=noop),
        "train": result("train", begun + 20, 9, noop=noop),
        "evaluate": result("evaluate", begun + 30, 9, verdict="publish", reason="better"),
        "publish": result("publish", begun + 40, 9, published=f"2026-06-30-{slug[-1] * 12}", moved=not noop),
    }
    for step, body in (steps | more).items():
        if body is not None:
            put(store, f"runs/{SESSION}/{slug}/{step}.json", body)


def row(client):
    return client.json(f"/sessions?before={SESSION}")["rows"][0]


def test_a_run_again_does_not_take_over_the_figures_of_the_night(client, store):
    daily(store, "night_a", 0)
    daily(store, "again_b", 9000, rows=0, noop=True)
    found = row(client)
    assert (found["rows"], found["runs"], found["slug"]) == (1000, 2, "night_a")
    assert found["verdict"]["published"] == "2026-06-30-aaaaaaaaaaaa"


def test_a_drop_that_came_late_is_no_new_intake_but_its_verdict_counts(client, store):
    daily(store, "night_a", 0)
    daily(store, "again_b", 9000, rows=4)
    found = row(client)
    assert (found["rows"], found["slug"]) == (1000, "night_a")
    assert (found["verdict"]["published"], found["judged_slug"]) == ("2026-06-30-bbbbbbbbbbbb", "again_b")


def test_what_never_passed_the_audit_gives_way_to_what_did(client, store):
    daily(store, "night_a", 0, rows=7, validate=None, train=None, evaluate=None, publish=None)
    daily(store, "again_b", 9000, rows=1000)
    found = row(client)
    assert (found["rows"], found["slug"]) == (1000, "again_b")


def test_an_experiment_is_no_run_of_the_session(client, store):
    daily(store, "night_a", 0)
    daily(store, "experiment_manual_b", 9000, rows=3)
    found = row(client)
    assert (found["rows"], found["runs"]) == (1000, 1)
    assert client.json(f"/tonight?session={SESSION}")["run"]["slug"] == "night_a"


def test_only_an_experiment_makes_no_session(client, store):
    daily(store, "experiment_manual_b", 0)
    assert row(client)["slug"] is None


def test_a_failed_session_is_shown_without_any_champion(client, database):
    failed_run(database, failures={"train": TOLD})
    found = client.json("/sessions")
    assert (found["jumped"], found["rows"][0]["session"]) == (SESSION, SESSION)
    assert found["rows"][0]["trouble"] == {"step": "train", "kind": "NoResourcesError", "what": "no offer has 8 cores"}
    assert "train failed: NoResourcesError" in client("/sessions").text


def test_nothing_of_a_failure_or_a_report_is_ever_markup(client, store, database):
    failed_run(database, failures={"train": dict.fromkeys(TOLD, HOSTILE)})
    begun = datetime.now(UTC) - timedelta(seconds=60)
    told = {"what": HOSTILE, "done": 1, "of": 2, "began": begun.isoformat(), "at": datetime.now(UTC).isoformat()}
    put(store, f"runs/{SESSION}/{SLUG}/train.progress.json", told)
    for path in (f"/tonight?session={SESSION}", f"/sessions?before={SESSION}"):
        text = client(path).text
        assert "<script>" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("word", "run", "unfinished", "shown"),
    [
        ("planned", "", False, "planned"), ("planned", "running", False, "running"),
        ("running", "running", True, "running"), ("waiting", "running", True, "waiting"),
        ("running", "failed", True, "cancelled"), ("waiting", "failed", True, "cancelled"),
        ("done", "failed", True, "cancelled"), ("failed", "failed", True, "failed"),
        ("planned", "failed", False, "failed"), ("cancelled", "", True, "cancelled"),
        ("failed", "running", True, "running"), ("done", "success", False, "done"),
        ("nothing", "success", False, "nothing"), ("done", "", True, "running"), ("done", "", False, "done"),
    ],
)  # fmt: skip
def test_a_backfill_is_in_one_of_seven_states(word, run, unfinished, shown):
    assert standing(word, run, unfinished=unfinished) == shown


def test_a_list_of_backfills_follows_one_that_was_only_just_started(client, database):
    add_run(database, "manual__new", state="running", dag="backfill_history", opener="open_backfill")
    found = client("/backfills?started=manual__new").text
    assert "makes the plan first" in found
    assert "data-refresh" in found


def test_one_that_was_started_and_refused_says_why(client, database):
    told = TOLD | {"task": "open_backfill", "what": "first is a Sunday"}
    tasks = [("open_backfill", "failed", at(1), at(2))]
    add_run(
        database, "manual__new", state="failed", dag="backfill_history", opener="open_backfill", tasks=tasks,
        failures={"open_backfill": told},
    )  # fmt: skip
    found = client("/backfills?started=manual__new").text
    assert "first is a Sunday" in found
    assert "/dags/backfill_history/runs/manual__new/tasks/open_backfill" in found
    assert "data-refresh" not in found
