"""The pages of backfills and experiments, from documents and rows as those who do the work leave them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.plugins.conftest import CLOSE, add_run, create, put

ID = "20150323-20151231-0123abcd"
EXPERIMENT = "0123456789abcdef"
HOSTILE = '<script>alert("x")</script>'
_TIME = {"seconds": 60.0, "basis": "assumed"}


def _put_backfill(store, backfill_id=ID, **more):
    request = {"first": "2015-03-23", "last": "2015-12-31", "steps": ["ingest", "features"], "factor_sets": [],
               "chunk_sessions": 100}  # fmt: skip
    put(store, f"backfills/{backfill_id}/request.json", {
        "backfill_id": backfill_id, "request": request, "reason": "a new factor", "asked_by": "alice",
        "asked_at": "2026-06-30T20:00:00Z",
    } | more)  # fmt: skip
    ingest = {"sessions": 3, "objects": 9, "bytes": 1000, "rows": 50, "missing": ["2015-04-01"], "time": _TIME}
    core = {"name": "core", "definition": "c0ffee", "sessions": 3, "stored": 0, "rows": 30, "stale": ["2016-01-04"],
            "time": _TIME}  # fmt: skip
    put(store, f"backfills/{backfill_id}/plan.json", {
        "backfill_id": backfill_id, "made_at": "2026-06-30T20:00:01Z", "sessions": 196, "chunks": [],
        "ingest": ingest, "features": [core], "seconds": 300.0,
    })  # fmt: skip
    chunks = [
        _chunk("ingest", 1, "done", 40.0, 500), _chunk("ingest", 2, "done", 20.0, 300),
        _chunk("features", 1, "failed", 5.0, 0, message="ObjectMissingError: gone"),
        _chunk("features", 2, "waiting", 0, 0),
    ]  # fmt: skip
    attempt = {
        "run_id": "manual__b",
        "started_at": "2026-06-30T20:00:02Z",
        "asked_by": "alice",
        "reason": "a new factor",
    }
    put(store, f"backfills/{backfill_id}/state.json", {
        "backfill_id": backfill_id, "attempts": [attempt], "chunks": chunks,
    })  # fmt: skip


def _chunk(step, number, state, seconds, rows, **more):
    return {"step": step, "number": number, "first": "2015-03-23", "last": "2015-08-12", "state": state,
            "seconds": float(seconds), "rows": rows, "sessions": 100} | more  # fmt: skip


def test_a_backfill_of_a_range_tells_how_far_it_is(client, store):
    _put_backfill(store)
    (found,) = client.json("/backfills")["ranges"]
    assert (found["first"], found["last"], found["state"]) == ("2015-03-23", "2015-12-31", "failed")
    assert (found["chunks_done"], found["chunks_in_all"]) == (2, 4)
    assert (found["rows"], found["seconds"], found["planned_seconds"]) == (800, 65.0, 300.0)
    assert found["reason"] == "a new factor"
    text = client("/backfills").text
    assert '<progress max="4" value="2"' in text
    one = client.json(f"/backfills/{ID}")
    assert one["chunks"][2]["message"] == "ObjectMissingError: gone"
    assert (one["missing"], one["stale"]) == (["2015-04-01"], [{"set": "core", "sessions": 1}])
    assert "ObjectMissingError: gone" in client(f"/backfills/{ID}").text
    assert client("/backfills/20150323-20151231-ffffffff").status_code == 404


def test_a_backfill_that_is_only_asked_for_and_one_that_is_broken_are_told(client, store):
    _put_backfill(store, "20150101-20150201-00000000")
    put(store, "backfills/20150101-20150201-00000000/state.json", {"chunks": 7})
    put(store, f"backfills/{ID}/request.json", b"<html>")
    found = {each["id"]: each for each in client.json("/backfills")["ranges"]}
    assert "state.json can't be read" in found["20150101-20150201-00000000"]["faults"][0]
    assert (found[ID]["state"], found[ID]["chunks_in_all"]) == ("planned", 0)
    for each in found:
        assert client(f"/backfills/{each}").status_code == 200


def test_airflows_own_backfills_are_counted_by_the_state_of_their_runs(client, database):
    from airflow.models.backfill import Backfill, BackfillDagRun  # noqa: PLC0415
    from sqlalchemy import insert  # noqa: PLC0415

    runs = [
        add_run(database, f"backfill__{number}", state=state)
        for number, state in enumerate(("success", "success", "failed"))
    ]
    with create(database) as db:
        db.execute(insert(Backfill.__table__).values(
            id=7, dag_id="daily_retraining", from_date=datetime(2016, 6, 1, tzinfo=UTC), dag_run_conf={},
            to_date=datetime(2016, 6, 30, tzinfo=UTC), created_at=CLOSE, updated_at=CLOSE, max_active_runs=1,
            reprocess_behavior="none", triggering_user_name="bob",
        ))  # fmt: skip
        rows = [{"dag_run_id": run} for run in runs] + [{"dag_run_id": None, "exception_reason": "already exists"}]
        for number, row in enumerate(rows, start=1):
            day = datetime(2016, 6, 1, tzinfo=UTC) + timedelta(days=number)
            db.execute(
                insert(BackfillDagRun.__table__).values(backfill_id=7, sort_ordinal=number, logical_date=day, **row)
            )
    (found,) = client.json("/backfills")["native"]
    assert (found["first"], found["last"], found["by"]) == ("2016-06-01", "2016-06-30", "bob")
    assert found["runs"] == {"success": 2, "failed": 1, "already exists": 1}
    assert "2016-06-01 to 2016-06-30" in client("/backfills").text


def _add_experiment(database, run_id="manual__e", **more):
    request = {"name": "small-caps", "first": "2015-01-02", "last": "2016-06-30", "horizons": [1, 5]}
    opened = {"experiment": EXPERIMENT, "request": request, "by": "carol", "note": "try costs"} | more
    tasks = [("open_experiment", "success", CLOSE, CLOSE)]
    add_run(database, run_id, tasks=tasks, opened=opened, opener="open_experiment", dag="experiment")


def test_experiments_tell_what_was_asked_and_lead_to_their_reports(client, store, database):
    _add_experiment(database)
    metrics = {"verdict": "keep", "reason": "not better", "metrics": {"h1": {"rank_ic": 0.03}}}
    put(store, f"experiments/{EXPERIMENT}/metrics.json", metrics)
    put(store, f"experiments/{EXPERIMENT}/report.html", b"<p>the figures</p>")
    (found,) = client.json("/experiments")["experiments"]
    assert found["request"] == {"name": "small-caps", "first": "2015-01-02", "last": "2016-06-30", "horizons": "1, 5"}
    assert (found["by"], found["verdict"], found["rank_ic"]) == ("carol", "keep", {"h1": 0.03})
    assert f"/afterbell/experiments/{EXPERIMENT}/report" in client("/experiments").text
    report = client(f"/experiments/{EXPERIMENT}/report")
    assert report.text == "<p>the figures</p>"
    assert report.headers["content-security-policy"].startswith("sandbox")
    assert client("/experiments/ffffffffffffffff/report").status_code == 404


def test_nothing_that_people_wrote_is_ever_markup(client, store, database):
    _put_backfill(store, reason=HOSTILE, asked_by=HOSTILE)
    _add_experiment(database, note=HOSTILE, by=HOSTILE, request={"name": HOSTILE, "families": [HOSTILE]})
    _add_experiment(database, "manual__f", experiment=HOSTILE)
    put(store, f"experiments/{EXPERIMENT}/metrics.json", {
        "verdict": HOSTILE, "reason": HOSTILE, "metrics": {HOSTILE: {"rank_ic": HOSTILE}},
    })  # fmt: skip
    for path in ("/backfills", f"/backfills/{ID}", "/experiments"):
        answer = client(path)
        assert answer.status_code == 200, answer.text
        assert "<script>" not in answer.text
        assert "&lt;script&gt;" in answer.text
