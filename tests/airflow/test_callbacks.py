"""Airflow calls our callbacks: for a run that ends well, for one that fails, and from the triggerer past a deadline."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from airflow.models.callback import CallbackState
from airflow.triggers.callback import CallbackTrigger

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from tests.airflow.hook_server import HookServer
from tests.airflow_home import ROOT
from tests.cluster.test_connections import ENV

CHANNEL = {
    "kinds": ["failure", "forecast", "deadline_missed", "held", "success"],
    "notifier": "afterbell.airflow.notifiers.WebhookNotifier",
}


@pytest.fixture
def told(tmp_path):
    """A webhook, and the variables that lead notices there; the stores of the connections are not there."""
    server = HookServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    policy = yaml.safe_load((ROOT / "include" / "config" / "sla.yaml").read_text(encoding="utf-8"))
    (tmp_path / "sla.yaml").write_text(yaml.safe_dump(policy | {"notices": [CHANNEL]}), encoding="utf-8")
    dead = ENV | {"AFTERBELL_S3_ENDPOINT": "http://127.0.0.1:9"}
    env = connection_environment(dead, "local", ClusterProfile(master="local[2]")) | {
        "AFTERBELL_CONFIG": str(tmp_path),
        "AIRFLOW_CONN_AFTERBELL_WEBHOOK": json.dumps({"conn_type": "http", "host": server.address}),
        "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080",
    }
    yield server, env
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.services
def test_airflow_calls_back_once_a_run_that_ends_and_once_a_task_that_fails(told, tmp_path):
    server, env = told
    home = tmp_path / "airflow"
    own = env | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path)}
    own |= {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}"}
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    run = [sys.executable, str(Path(__file__).with_name("scenario_notices.py")), str(tmp_path)]
    for command in (migrate, run):
        done = subprocess.run(
            command, env=os.environ | own, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    well, failed = server.notices
    assert (well["kind"], well["dag_id"]) == ("success", "ends_well")
    assert (failed["kind"], failed["dag_id"], failed["step"]) == ("failure", "fails", "ingest")
    assert failed["message"] == "step 'ingest' failed: CorruptDropError: prices/x is cut off"
    assert failed["deadline"] == "2016-06-30T22:00:00+00:00"


def test_the_triggerer_calls_the_alert_by_its_path(told, monkeypatch):
    server, env = told
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    context = {
        "dag_run": {"dag_id": "daily_retraining", "dag_run_id": "r", "data_interval_start": "2016-06-30T00:00:00Z"},
        "deadline": {"id": "1", "deadline_time": "2016-06-30T22:00:00+00:00"},
    }

    async def events():
        trigger = CallbackTrigger("afterbell.airflow.notices.deadline_missed", {"context": context})
        return [event.payload["state"] async for event in trigger.run()]

    assert asyncio.run(events()) == [CallbackState.RUNNING, CallbackState.SUCCESS]
    (body,) = server.notices
    assert body["link"] == "http://127.0.0.1:8080/dags/daily_retraining/runs/r"
