"""Late and missing drops: waited for without a worker slot, up to the cut-off, by the rule of each source."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from afterbell.airflow import arrivals, drops_trigger, outage
from afterbell.airflow.arrivals import Sighting, look, stores_of
from afterbell.airflow.await_drops import AwaitDropsOperator, missing_text
from afterbell.airflow.drops_trigger import DropsTrigger
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.sources.source import load_source
from tests.airflow.drops_world import FILINGS, PRICES, RUN, Clock, Feed, write_sources
from tests.airflow_home import ROOT
from tests.patience import LONG

pytestmark = [
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore:Series.values returning an ndarray"),  # exchange_calendars, on pandas 3
]


@pytest.fixture
def feed(stores, monkeypatch, tmp_path):
    """An empty feed, its sources, and the connections that lead there."""
    write_sources(tmp_path / "config")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path / "config"))
    for name, body in connection_environment(stores, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    found = Feed(stores)
    found.clear()
    return found


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    found.at("20:40")
    monkeypatch.setattr(arrivals, "now", found)
    return found


def _task(**run):
    return AwaitDropsOperator(task_id="await_drops", run=RUN | run)


def _run(trigger):
    async def first():
        return await anext(trigger.run())

    return asyncio.run(first()).payload


def _deferred(task):
    with pytest.raises(TaskDeferred) as caught:
        task.execute({})
    return caught.value


def test_drops_that_are_there_are_not_waited_for(feed, clock):
    feed.put(PRICES, FILINGS, FILINGS + ".done")
    found = _task(replayed=True).execute({})
    assert [(each["source"], each["keys"]) for each in found["arrived_drops"]] == [
        ("filings", [FILINGS]),
        ("prices", [PRICES]),
    ]
    assert (found["late_drops"], found["missing_drops"]) == ([], [])


def test_a_wait_leaves_the_worker_and_its_stored_arguments_hold_no_key(feed, clock, stores):
    deferral = _deferred(_task())
    name, arguments = deferral.trigger.serialize()
    assert name == "afterbell.airflow.drops_trigger.DropsTrigger"
    assert arguments == {"session": "2016-06-30", "sources": ["filings", "prices"]}
    assert stores["AWS_SECRET_ACCESS_KEY"] not in json.dumps(arguments)
    # The cut-off is 21:15, and a triggerer that says nothing is given up five minutes after it.
    assert (deferral.method_name, deferral.timeout) == ("resume", timedelta(minutes=40))


def test_a_drop_that_comes_while_it_is_waited_for_lets_the_run_go_on(feed, clock, monkeypatch):
    looked = threading.Event()
    real = drops_trigger.look

    def look(*args):
        try:
            return real(*args)
        finally:
            looked.set()

    monkeypatch.setattr(drops_trigger, "look", look)
    feed.put(FILINGS, FILINGS + ".done")
    answer = []
    waiting = threading.Thread(target=lambda: answer.append(_run(_deferred(_task()).trigger)))
    waiting.start()
    assert looked.wait(LONG)
    assert not answer
    feed.put(PRICES)
    waiting.join(LONG)
    found = _task(replayed=True).resume({}, json.loads(json.dumps(answer[0])))
    assert sorted(each["source"] for each in found["arrived_drops"]) == ["filings", "prices"]


def test_an_upload_without_its_marker_is_waited_for_and_named(feed, clock):
    feed.put(PRICES, FILINGS)
    trigger = _deferred(_task()).trigger
    clock.at("20:40", "20:40", "20:41", "21:16")
    event = _run(trigger)
    by_name = {each["source"]: each for each in event["sightings"]}
    assert (by_name["filings"]["complete"], by_name["filings"]["incomplete"]) == ([], [FILINGS])
    assert _task(replayed=True).resume({}, event)["missing_drops"] == [
        {"source": "filings", "where": "s3:filings/", "cut_off": "2016-06-30T21:15:00+00:00"}
    ]


def test_at_the_cut_off_the_part_that_is_newer_than_its_marker_is_named(feed, clock):
    reason = f"{FILINGS}, written at 2016-06-30 20:31:01 UTC, is newer than its marker {FILINGS}.done"
    seen = {"complete": [], "drops": 1, "newest": "2016-06-30", "trouble": "", "modified": None}
    sighting = Sighting.from_json({"source": "filings", "incomplete": [FILINGS], "reasons": [reason], **seen})
    assert Sighting.from_json(json.loads(json.dumps(sighting.to_json()))) == sighting
    told = missing_text(load_source("filings"), sighting, date(2016, 6, 30), clock())
    assert f"the upload of {FILINGS} is not complete ({reason}) for session 2016-06-30" in told
    # What a triggerer before this version handed on.
    assert Sighting.from_json({"source": "filings", "incomplete": [FILINGS], **seen}).reasons == ()


def test_what_is_not_complete_is_seen_with_its_reason(feed, clock, stores):
    feed.put(FILINGS)
    (found,) = look([load_source("filings")], date(2016, 6, 30), stores_of(stores), clock())
    assert (found.incomplete, found.reasons) == ((FILINGS,), (f"its marker {FILINGS}.done is not there",))


def test_at_the_cut_off_a_drop_that_must_not_be_missing_fails_the_run_for_good(feed, clock):
    feed.put("prices/2016/20160628.csv.gz", "prices/2016/20160629.csv.gz", FILINGS, FILINGS + ".done")
    clock.at("21:27")
    with pytest.raises(AirflowFailException) as caught:
        _task().execute({})
    assert str(caught.value) == (
        "MissingDropsError: source prices: no drop is there for session 2016-06-30 in s3:prices/; it was due at "
        "2016-06-30 20:30 UTC (57 min ago), and the cut-off was 2016-06-30 21:15 UTC (12 min ago). There are 2 drops, "
        r"the newest of 2016-06-29; expected a key like prices/\d{4}/(?P<session>\d{8})\.csv\.gz. The champion is "
        "kept, nothing is published, and the later steps do not run. Run the session again once the drop has arrived."
    )


def test_a_cut_off_that_passes_in_the_trigger_ends_the_wait(feed, clock):
    trigger = _deferred(_task()).trigger
    clock.at("21:14:59", "21:15")
    with pytest.raises(AirflowFailException, match="source prices: no drop is there"):
        _task().resume({}, _run(trigger))


def test_on_a_half_day_the_cut_off_is_earlier(feed, clock):
    clock.times = [clock.times[0].replace(month=11, day=25, hour=19, minute=14)]
    # 25 November 2016 closed at 13:00 in New York, 18:00 UTC.
    assert _deferred(_task(session="2016-11-25")).timeout == timedelta(minutes=6)


def test_a_drop_that_came_late_goes_on_and_says_how_late(feed, clock):
    seen = {"complete": [PRICES], "incomplete": [], "drops": 1, "newest": "2016-06-30", "trouble": ""}
    event = {"sightings": [{"source": "prices", "modified": "2016-06-30T20:55:30+00:00", **seen}]}
    assert _task().resume({}, event)["late_drops"] == [
        {"source": "prices", "keys": [PRICES], "at": "2016-06-30T20:55:30+00:00", "late_minutes": 25.5}
    ]


def test_a_session_that_is_far_from_its_close_is_not_waited_for(feed, clock):
    clock.at("17:59")
    with pytest.raises(AirflowFailException, match=r"start its run at 2016-06-30 18:00 UTC or later"):
        _task().execute({})


def test_a_published_session_may_be_run_again_after_its_drops_are_gone(feed, clock, stores):
    clock.at("22:00")
    artifacts = stores["AFTERBELL_ARTIFACT_BUCKET"]
    feed.client.put_object(Bucket=artifacts, Key="runs/2016-06-30/manual_1/validate.json", Body=b"{}")
    try:
        assert [each["source"] for each in _task().execute({})["missing_drops"]] == ["filings", "prices"]
    finally:
        feed.client.delete_object(Bucket=artifacts, Key="runs/2016-06-30/manual_1/validate.json")


def test_a_store_that_refuses_ends_the_wait_at_once(feed, clock, monkeypatch):
    body = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_S3"])
    body["extra"]["feed_bucket"] = "no-such-bucket"
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", json.dumps(body))
    with pytest.raises(AirflowFailException, match=r"StoreConfigError: .*no-such-bucket"):
        _task().execute({})
    with pytest.raises(AirflowFailException, match=r"StoreConfigError: .*no-such-bucket"):
        _task().resume({}, _run(DropsTrigger("2016-06-30", ["prices"])))


def test_a_store_that_does_not_answer_is_asked_again_up_to_the_cut_off(feed, clock, monkeypatch):
    body = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_S3"])
    body["extra"]["endpoint_url"] = "http://127.0.0.1:1"
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", json.dumps(body))
    trigger = _deferred(_task()).trigger
    clock.at("20:41", "21:16")
    event = _run(trigger)
    with pytest.raises(AirflowException, match="StoreUnavailableError") as caught:
        _task().resume({}, event)
    assert not isinstance(caught.value, AirflowFailException)  # the deadline is over: the task's retries apply


def test_a_store_that_is_away_at_the_cut_off_is_waited_for_up_to_the_deadline(feed, clock, monkeypatch):
    body = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_S3"])
    away = json.dumps(body | {"extra": body["extra"] | {"endpoint_url": "http://127.0.0.1:1"}})
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", away)
    clock.at("21:16")
    feed.put(PRICES, FILINGS, FILINGS + ".done")
    monkeypatch.setattr(outage, "now", lambda: datetime(2016, 6, 30, 21, 16, tzinfo=UTC))
    pauses = []

    def back(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", json.dumps(body))

    monkeypatch.setattr(outage, "sleep", back)
    found = _task(replayed=True).execute({})
    assert [drop["keys"] for drop in found["arrived_drops"]] == [[FILINGS], [PRICES]]
    assert len(pauses) == 3


def test_the_triggerer_finds_the_trigger_without_the_dags_or_a_path_of_ours(tmp_path):
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code = "from airflow.sdk._shared.module_loading import import_string as f; print(f(%r).__name__)"
    found = subprocess.run(
        [sys.executable, "-c", code % "afterbell.airflow.drops_trigger.DropsTrigger"],
        env=plain | {"AIRFLOW_HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.split()[-1:] == ["DropsTrigger"], found.stderr


@pytest.mark.filterwarnings("ignore")  # Airflow's own database warns of itself
def test_the_daily_dag_goes_on_with_a_drop_that_came_while_its_task_was_deferred(feed, clock, monkeypatch, tmp_path):
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415
    from airflow.utils.db import initdb  # noqa: PLC0415

    initdb()
    for name in ("platform.yaml", "sla.yaml"):
        shutil.copy(ROOT / "include" / "config" / name, tmp_path / "config")
    feed.put(FILINGS, FILINGS + ".done")
    seen = []
    real = drops_trigger.look

    def look(*args):
        found = real(*args)
        seen.append({each.source: each.arrived for each in found})
        feed.put(PRICES)  # it comes after the first look
        return found

    monkeypatch.setattr(drops_trigger, "look", look)
    dag = DagBag(str(ROOT / "dags")).dags["daily_retraining"]
    dag.deadline = None  # no scheduler keeps its record here
    run = dag.test(
        run_conf={"session": "2016-06-30"},
        logical_date=None,
        mark_success_pattern="ingest|validate|features|train|evaluate|publish|score",
    )
    states = {each.task_id: each.state for each in run.get_task_instances()}
    assert (states["await_drops"], states["ingest"]) == ("success", "success")
    assert seen == [{"filings": True, "prices": False}, {"prices": True}]


def test_a_day_without_a_session_has_no_drops_to_wait_for(feed, clock):
    with pytest.raises(AirflowFailException, match="NotASessionError: 2016-07-04"):
        _task(session="2016-07-04").execute({})
