"""A real Airflow, a real store, a cluster that says what it is told to: what people do to a task reaches its driver."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date

import pytest

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.packed import unpacked
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.embedded import stack
from afterbell.run.job import result_key
from afterbell.stores.artifacts import ArtifactStore
from tests.airflow_api import AirflowApi, password_of
from tests.cluster.rest_server import frozen_server
from tests.clusters.programs import until
from tests.conftest import ROOT

pytestmark = pytest.mark.services
CREATE = "POST /v1/submissions/create"
DAG = """
from airflow.sdk import dag
from afterbell.airflow.spark_step import SparkStepOperator

RUN = {"session": "2016-06-30", "run_id": "manual__x", "deadline": "2099-01-01T00:00:00+00:00", "profile": "here"}

@dag(schedule=None, is_paused_upon_creation=False)
def on_cluster():
    SparkStepOperator(task_id="ingest", step="ingest", run=RUN, retries=1)

on_cluster()
"""
PROFILE = """
master: spark://127.0.0.1:7077
rest_url: {url}
deploy_mode: cluster
history_server: http://history:18080
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    folders, platform = Folders(root=ROOT, home=home, env=Folders.from_env().env), Platform()
    shutil.copytree(ROOT / "include" / "config", home / "config")
    (home / "dags").mkdir()
    (home / "dags" / "on_cluster.py").write_text(DAG)
    with frozen_server() as server, stack.running(folders, platform, ("s3",)) as found:
        (home / "config" / "clusters" / "here.yaml").write_text(PROFILE.format(url=server.url))
        env = stack.step_env(folders, platform, found)
        airflow = connection_environment(env, "local", ClusterProfile(master="local[1]")) | {
            "AFTERBELL_CONFIG": str(home / "config"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT)]),
        }
        try:
            login = stack.start_airflow(folders, platform, airflow)
            api = AirflowApi(login.url, password_of(home), "on_cluster")
            until("the DAG is known", lambda: api.ask("GET", "/dags/on_cluster"))
            yield server, api, env
        finally:
            stack.stop(folders, ("airflow",))


def _launched(server, number):
    """The cluster's answers about driver ``number``, told before it is launched."""
    driver = f"driver-20160630200000-000{number}"
    server.say(CREATE, {"action": "CreateSubmissionResponse", "submissionId": driver, "success": True})
    server.say(
        f"GET /v1/submissions/status/{driver}",
        {"action": "SubmissionStatusResponse", "driverState": "RUNNING", "success": True},
    )
    server.say(f"POST /v1/submissions/kill/{driver}", {"action": "KillSubmissionResponse", "success": True})
    return driver


def _killed(server, driver):
    until(f"{driver} is killed", lambda: server.count(f"POST /v1/submissions/kill/{driver}"))
    ended = {"action": "SubmissionStatusResponse", "driverState": "KILLED", "success": True}
    server.say(f"GET /v1/submissions/status/{driver}", ended)


def _clear(api, run):
    asked = {"dag_run_id": run, "task_ids": ["ingest"], "dry_run": False, "only_failed": False}
    api.ask("POST", "/dags/on_cluster/clearTaskInstances", asked)


def test_clearing_a_waiting_task_kills_its_driver_and_launches_another_and_so_does_failing_it(world):
    server, api, env = world
    first = _launched(server, 1)
    run = api.trigger()
    api.reaches(run, "ingest", "deferred")
    until("the triggerer asks", lambda: server.count(f"GET /v1/submissions/status/{first}"))

    second = _launched(server, 2)
    _clear(api, run)
    _killed(server, first)
    until("another is launched", lambda: server.count(f"GET /v1/submissions/status/{second}"))
    assert server.count(CREATE) == 2

    api.ask("PATCH", api.at(run, "taskInstances", "ingest"), {"new_state": "failed"})
    _killed(server, second)
    assert api.states(run)["ingest"] == "failed"

    third = _launched(server, 3)
    _clear(api, run)
    until("a third is launched", lambda: server.count(f"GET /v1/submissions/status/{third}"))
    _leave_result(server, env)
    ended = {"action": "SubmissionStatusResponse", "driverState": "FINISHED", "success": True}
    server.say(f"GET /v1/submissions/status/{third}", ended)
    api.reaches(run, "ingest", "success")
    links = api.ask("GET", api.at(run, "taskInstances", "ingest", "links"))["extra_links"]
    assert links["Spark history"] == "http://history:18080"


def _leave_result(server, env):
    """As the newest driver does at its end."""
    arguments = [body for what, body in server.requests if what == CREATE][-1]["appArgs"]
    told = unpacked(arguments[arguments.index("{{USER_JAR}}") + 1 :])
    key = result_key(date(2016, 6, 30), "manual__x", "ingest")
    store = ArtifactStore(Runtime.from_env(env).s3, keys=(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]))
    store.put(key, json.dumps({"attempt": told[told.index("--attempt") + 1], "branch": "x"}).encode())
