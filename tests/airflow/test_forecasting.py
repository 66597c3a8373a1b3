"""Forecasts as steps begin and end, on a real S3: the line, the document, the one notice, what training is told."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from afterbell.airflow import forecasting as outlook
from afterbell.airflow import notices as notices_module
from afterbell.airflow.artifact_access import open_artifacts
from afterbell.airflow.forecasting import budgets_for, forecast_at_end, forecast_at_start
from afterbell.airflow.notices import deadline_missed
from afterbell.calendar.sessions import Exchange
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.run.contracts.models import LeftOut, TrainInstructions
from afterbell.run.contracts.opened import OpenedRun
from afterbell.sla.policy import TIMED, load_policy
from tests.airflow.hook_server import HookServer
from tests.airflow_home import ROOT
from tests.cluster.test_connections import ENV
from tests.patience import LONG

pytestmark = [
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore:Series.values returning an ndarray"),  # exchange_calendars, on pandas 3
]
LOG = logging.getLogger("step")
FOLDS, RIDGE = LeftOut(folds=2), LeftOut(families=("ridge",))
TEN_MINUTES = {"seconds": dict.fromkeys(TIMED, 600.0), "reserve": 300.0, "learned": {}}


def connect(monkeypatch, env):
    for name, body in connection_environment(env, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)


@pytest.fixture
def notices(monkeypatch):
    """The notices that were sent, as (kind, text)."""
    found = []
    monkeypatch.setattr(outlook, "notify", lambda kind, _run, text, _more: found.append((kind, text)))
    return found


@pytest.fixture
def world(stores, monkeypatch, request, caplog, notices):
    """A run of its own, ten minutes a step, and a clock that the test sets."""
    connect(monkeypatch, stores)
    open_artifacts().ensure_bucket()
    caplog.set_level(logging.INFO)
    return OpenedRun.read({
        "session": "2016-06-30", "run_id": f"test__{request.node.name}".replace("[", "_").rstrip("]"),
        "deadline": "2016-06-30T22:00:00+00:00", "budgets": TEN_MINUTES, "origin": "scheduled",
    })  # fmt: skip


def at(monkeypatch, hour, minute, second=0):
    monkeypatch.setattr(outlook, "now", lambda: datetime(2016, 6, 30, hour, minute, second, tzinfo=UTC))


def document(run):
    return json.loads(open_artifacts().get(f"runs/2016-06-30/{run.run_id.replace('__', '_')}/forecast.json"))


def test_a_night_in_time_is_a_line_and_an_entry_a_step_and_no_notice(world, monkeypatch, caplog, notices):
    at(monkeypatch, 20, 30)
    forecast_at_start(world, "ingest", LOG)
    at(monkeypatch, 20, 42)
    forecast_at_end(world, "ingest", LOG)
    assert "forecast: finish 21:40 UTC, 20 min before the deadline" in caplog.text
    assert "forecast: finish 21:42 UTC, 18 min before the deadline" in caplog.text
    assert "ingest took 720 s, 120 s more than its budget" in caplog.text
    assert notices == []
    assert document(world)["finish"] == "2016-06-30T21:42:00+00:00"
    assert document(world)["entries"] == [
        {
            "at": "2016-06-30T20:30:00+00:00", "step": "ingest", "finish": "2016-06-30T21:40:00+00:00",
            "slack": 1200.0, "done": False, "told": {},
        },
        {
            "at": "2016-06-30T20:42:00+00:00", "step": "ingest", "finish": "2016-06-30T21:42:00+00:00",
            "slack": 1080.0, "done": True, "budget": 600.0, "took": 720.0,
        },
    ]  # fmt: skip


def test_a_miss_is_told_once_a_run_before_it_happens(world, monkeypatch, notices):
    at(monkeypatch, 20, 30)
    forecast_at_start(world, "ingest", LOG)
    at(monkeypatch, 21, 5)
    # 5 min late; leaving out two folds and ridge saves 4.3 of training's 10 minutes.
    forecast_at_end(world, "ingest", LOG)
    forecast_at_start(world, "validate", LOG)
    forecast_at_start(world, "validate", LOG)
    ((kind, text),) = notices
    assert kind == "forecast"
    assert text == (
        "forecast: finish 22:00 UTC, 1 min after the deadline; left out by policy, if it stays so: folds but the "
        "newest 2; ridge (seen at ingest). Over their budgets: ingest by 1500 s"
    )


def test_training_is_told_what_to_leave_out_and_what_the_rest_needs(world, monkeypatch):
    at(monkeypatch, 21, 10)
    assert forecast_at_start(world, "train", LOG) == TrainInstructions(leave_out=(), needed_after=3 * 600.0 + 300.0)
    at(monkeypatch, 21, 18)
    assert forecast_at_start(world, "train", LOG).leave_out == (FOLDS,)
    at(monkeypatch, 21, 50)
    assert forecast_at_start(world, "train", LOG).leave_out == (FOLDS, RIDGE)
    assert forecast_at_start(world, "evaluate", LOG) == TrainInstructions()


def test_a_driver_that_may_be_running_is_told_the_same_again(world, monkeypatch):
    at(monkeypatch, 21, 18)
    first = forecast_at_start(world, "train", LOG, kept=True)
    at(monkeypatch, 21, 50)  # by now more would be left out
    assert forecast_at_start(world, "train", LOG, kept=True) == first
    assert len(document(world)["entries"]) == 1
    assert forecast_at_start(world, "train", LOG).leave_out == (FOLDS, RIDGE)


def test_work_is_forecast_from_when_the_drops_are_due(world, monkeypatch, caplog):
    at(monkeypatch, 19, 0)
    forecast_at_start(world, "await_drops", LOG, drops_due=datetime(2016, 6, 30, 20, 30, tzinfo=UTC))
    assert "forecast: finish 21:50 UTC, 10 min before the deadline" in caplog.text


@pytest.mark.parametrize("changes", [{"origin": "backfill"}, {"budgets": None}])
def test_nobody_waits_for_a_backfill(world, monkeypatch, caplog, notices, changes):
    at(monkeypatch, 23, 0)
    assert forecast_at_start(world.model_copy(update=changes), "train", LOG) == TrainInstructions()
    forecast_at_end(world.model_copy(update=changes), "train", LOG)
    assert "forecast" not in caplog.text
    assert notices == []


def test_a_step_goes_on_without_a_store(world, stores, monkeypatch, caplog):
    connect(monkeypatch, stores | {"AFTERBELL_S3_ENDPOINT": "http://127.0.0.1:9"})
    at(monkeypatch, 21, 50)
    assert forecast_at_start(world, "train", LOG).leave_out == (FOLDS, RIDGE)
    forecast_at_end(world, "train", LOG)
    assert "no forecast: StoreUnavailableError" in caplog.text


def put_run(session, run, **seconds):
    """Results of steps that follow each other after pauses of five seconds."""
    start = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
    for step, each in seconds.items():
        end = start + timedelta(seconds=each)
        body = {"started_at": start.isoformat(), "finished_at": end.isoformat(), "seconds": each}
        open_artifacts().put(f"runs/{session}/{run}/{step}.json", json.dumps(body).encode())
        start = end + timedelta(seconds=5)


def test_an_alert_tells_the_times_of_the_stages_that_are_done(world, monkeypatch, tmp_path):
    policy = yaml.safe_load((ROOT / "include" / "config" / "sla.yaml").read_text(encoding="utf-8"))
    channel = {"kinds": ["deadline_missed"], "notifier": "afterbell.airflow.notifiers.WebhookNotifier"}
    (tmp_path / "sla.yaml").write_text(yaml.safe_dump(policy | {"notices": [channel]}), encoding="utf-8")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    monkeypatch.setattr(notices_module, "_GATHER", LONG)
    put_run("2016-06-30", "late_run", validate=1300, ingest=2400.4)
    done = {"published": "2016-06-30-0123456789ab", "seconds": 9}
    open_artifacts().put("runs/2016-06-30/late_run/publish.json", json.dumps(done).encode())
    context = {"dag_run": {"dag_id": "d", "dag_run_id": "late__run", "conf": {"session": "2016-06-30"}}}
    with HookServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = {"conn_type": "http", "host": server.address}
        monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_WEBHOOK", json.dumps(hook))
        asyncio.run(deadline_missed(context=context))
        server.shutdown()
    (body,) = server.notices
    assert [(each["step"], each["seconds"]) for each in body["stages"]] == [
        ("ingest", 2400.4), ("validate", 1300.0), ("publish", 9.0),
    ]  # fmt: skip
    assert "stages: ingest 2400 s, validate 1300 s, publish 9 s" in body["text"]
    assert body["message"].endswith("its deadline has passed: its release 2016-06-30-0123456789ab stands")


def test_budgets_are_learned_from_the_sessions_before(world):
    # The three sessions before Independence Day 2014, a year of no other test; the fourth of July itself has none.
    for session, seconds in {"2014-07-01": 40, "2014-07-02": 50, "2014-07-03": 60}.items():
        put_run(session, "scheduled_1", ingest=seconds, validate=20)
    found = budgets_for(Exchange("XNYS"), date(2014, 7, 7), LOG)
    assert found.seconds["ingest"] == 60 + 5
    assert found.seconds["validate"] == 20 + 5
    assert found.seconds["train"] == load_policy().budgets["train"]
    assert found.learned == {"ingest": 3, "validate": 3}


def test_without_a_store_the_policys_budgets_count(monkeypatch, caplog):
    connect(monkeypatch, ENV | {"AFTERBELL_S3_ENDPOINT": "http://127.0.0.1:9"})
    found = budgets_for(Exchange("XNYS"), date(2014, 7, 7), LOG)
    assert (found.seconds, found.learned) == (load_policy().budgets, {})
    assert "no forecast: StoreUnavailableError" in caplog.text
