"""What a Spark step submits: argv lists, the profile's sizes, and the stores' keys in the environment alone."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.airflow import outage, spark_step
from afterbell.airflow.library_step import LibraryStepOperator
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.cluster import reach
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.run.contracts.data import IngestResult
from tests.cluster.test_connections import ENV
from tests.cluster.test_reach import closed_port
from tests.clusters.programs import until

RUN = {"session": "2016-06-30", "run_id": "manual__x", "deadline": "2016-06-30T22:00:00+00:00"}


def _step(**more):
    return SparkStepOperator(task_id="validate", step="validate", run=RUN, **more)


def _connect(monkeypatch, profile="local", **more):
    for name, body in connection_environment(ENV, profile, ClusterProfile(master="local[2]", **more)).items():
        monkeypatch.setenv(name, body)


def test_without_a_connection_nothing_is_submitted():
    with pytest.raises(AirflowFailException, match=r"'afterbell_spark' is not defined, so nothing was submitted"):
        _step().execute({})


def test_an_unknown_profile_in_the_connection_is_refused(monkeypatch):
    _connect(monkeypatch, profile="moon")
    with pytest.raises(AirflowFailException, match=r"clusters 'moon' is not known"):
        _step().execute({})


def test_a_driver_on_the_cluster_of_a_local_master_is_refused(monkeypatch):
    _connect(monkeypatch)
    connection = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_SPARK"])
    connection["extra"]["deploy-mode"] = "cluster"
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_SPARK", json.dumps(connection))
    with pytest.raises(AirflowFailException, match=r"deploy_mode cluster needs a cluster, and master is local\[2\]"):
        _step().execute({})


def test_a_profile_named_for_the_run_decides_where_it_is_submitted(monkeypatch):
    _connect(monkeypatch)
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN | {"profile": "mesos-client"})
    step._prepare(step._choose_target())
    command = step._get_hook()._build_spark_submit_command(step.application)
    assert command[1:3] == ["--master", "mesos://127.0.0.1:5050"]
    assert "spark.mesos.coarse=true" in command


@pytest.mark.parametrize("master", ["spark://yarn-lab:7077", "spark://m1:7077"])
def test_the_secret_is_no_argument_whatever_the_master_is_called(monkeypatch, master):
    _connect(monkeypatch)
    connection = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_SPARK"])
    connection |= {"host": master, "password": "canary-secret", "extra": {"profile": "standalone"}}
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_SPARK", json.dumps(connection))
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN)
    step._prepare(step._choose_target())
    hook = step._get_hook()
    assert "canary-secret" not in " ".join(hook._build_spark_submit_command(step.application))
    assert hook._env["AFTERBELL_SPARK_SECRET"] == "canary-secret"


def test_an_input_that_no_step_handed_on_is_asked_for(monkeypatch):
    _connect(monkeypatch)
    with pytest.raises(AirflowFailException, match=r"'validate' lacks its input \['branch'\]"):
        _step().execute({})


def test_the_command_is_a_list_and_carries_no_secret(monkeypatch):
    _connect(monkeypatch)
    hostile = "audit_x; rm -rf / $(id) {{ ds }}\n--conf"
    step = _step(results=[{"branch": hostile}])
    step._prepare(step._choose_target())
    hook = step._get_hook()
    command = hook._build_spark_submit_command(step.application)
    assert command[-8:-1] == [
        "--session",
        "2016-06-30",
        "--run-id",
        "manual__x",
        "--deadline",
        RUN["deadline"],
        "--inputs",
    ]
    assert json.loads(command[-1]) == {"branch": hostile}
    assert "canary-secret" not in " ".join(command)
    assert hook._env["AWS_SECRET_ACCESS_KEY"] == "canary-secret"
    assert "spark.driver.memory=4g" in command


def test_no_field_that_airflow_shows_holds_the_secret(monkeypatch):
    _connect(monkeypatch)
    step = _step(results=[{"branch": "audit_x"}])
    step._prepare(step._choose_target())
    step._get_hook()
    shown = {name: getattr(step, name) for name in (*step.template_fields, "conf", "env_vars", "application_args")}
    assert "canary-secret" not in json.dumps(shown)


def test_a_master_that_is_not_there_costs_no_submission_and_is_tried_again(monkeypatch):
    _connect(monkeypatch)
    connection = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_SPARK"]) | {"host": f"spark://127.0.0.1:{closed_port()}"}
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_SPARK", json.dumps(connection))
    monkeypatch.setattr(reach, "_PAUSE_SECONDS", 0)
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN)
    with pytest.raises(
        AirflowException, match=r"ClusterUnavailableError: .* spark://.*tried 3 times.*nothing was submitted"
    ) as caught:
        step.execute({})
    assert not isinstance(caught.value, AirflowFailException)


def test_a_driver_that_its_own_task_ended_is_not_taken_for_one_without_memory(monkeypatch, tmp_path):
    """As when Airflow's processes are stopped in the middle of a step, for the second time."""
    _connect(monkeypatch)
    up, driver = tmp_path / "up", tmp_path / "driver"
    os.mkfifo(up)
    driver.write_text(f"#!/bin/sh\necho up > {up}\nexec sleep 600\n")
    driver.chmod(0o700)
    parts = spark_step.submission
    monkeypatch.setattr(spark_step, "submission", lambda *given: replace(parts(*given), spark_binary=str(driver)))
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN)

    def end():
        up.read_text()  # from then on the driver runs
        until("the hook knows of its driver", lambda: step._hook._submit_sp)  # it may run before its starter goes on
        step.on_kill()

    thread = threading.Thread(target=end)
    thread.start()
    with pytest.raises(AirflowException, match="'ingest' received a signal to end, and stopped its driver") as caught:
        step.execute({"ti": SimpleNamespace(try_number=2)})
    thread.join()
    step._hook._submit_sp.stdout.close()  # the hook leaves it to the end of the process
    assert not isinstance(caught.value, AirflowFailException)


_FAILS_TWICE = """#!/bin/sh
echo "$@" >> {folder}/asked
if [ $(wc -l < {folder}/asked) -lt 3 ]; then
  echo "ingest: StoreUnavailableError: s3://artifacts/runs at http://s3: no connection"
  exit 1
fi
"""


@pytest.fixture
def fails_twice(monkeypatch, tmp_path):
    """A driver whose store is away for its first two tries; what each was asked stands in ``asked``."""
    _connect(monkeypatch)
    driver = tmp_path / "driver"
    driver.write_text(_FAILS_TWICE.format(folder=tmp_path))
    driver.chmod(0o700)
    parts = spark_step.submission
    monkeypatch.setattr(spark_step, "submission", lambda *given: replace(parts(*given), spark_binary=str(driver)))
    monkeypatch.setattr(spark_step, "read_result", lambda *_: IngestResult.read({"branch": "audit_x"}))
    return tmp_path / "asked"


def test_a_driver_whose_store_is_away_is_submitted_again_within_the_same_try(monkeypatch, fails_twice):
    pauses = []
    monkeypatch.setattr(outage, "sleep", pauses.append)
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN | {"deadline": "2099-06-30T22:00:00+00:00"})
    assert step.execute({"ti": SimpleNamespace(try_number=1)}) == {"branch": "audit_x"}
    assert len(fails_twice.read_text().splitlines()) == 3
    assert len(pauses) == 2
    step._forget_hook()


def test_past_the_deadline_such_a_driver_is_left_to_the_tasks_retries(monkeypatch, fails_twice):
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN)
    with pytest.raises(AirflowException, match="StoreUnavailableError: s3://artifacts/runs") as caught:
        step.execute({"ti": SimpleNamespace(try_number=1)})
    assert not isinstance(caught.value, AirflowFailException)
    assert len(fails_twice.read_text().splitlines()) == 1
    step._forget_hook()


def test_a_delivered_password_of_the_store_is_refused_on_a_cluster(monkeypatch):
    _connect(monkeypatch)
    s3 = json.loads(os.environ["AIRFLOW_CONN_AFTERBELL_S3"]) | {"password": "minioadmin"}
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", json.dumps(s3))
    step = SparkStepOperator(task_id="ingest", step="ingest", run=RUN | {"profile": "standalone"})
    with pytest.raises(
        AirflowFailException, match="AWS_SECRET_ACCESS_KEY is a password that programs are delivered with"
    ):
        step.execute({})


@pytest.mark.parametrize("kind", ["spark", "library"])
def test_the_secrets_of_the_cluster_reach_a_driver_on_it_as_its_environment(monkeypatch, kind):
    _connect(monkeypatch)
    monkeypatch.setenv("SPARK_MESOS_PRINCIPAL", "nightly")
    monkeypatch.setenv("SPARK_MESOS_SECRET", "canary-secret")
    run = RUN | {"profile": "mesos-cluster"}
    step = (
        SparkStepOperator(task_id="ingest", step="ingest", run=run)
        if kind == "spark"
        else LibraryStepOperator(task_id="ingest", step="ingest", module="afterbell.release.job", run=run)
    )
    job = step.job({})
    request = job.launch().place_files().request(*job.arguments)
    environment = request.pop("environmentVariables")
    assert (environment["SPARK_MESOS_PRINCIPAL"], environment["SPARK_MESOS_SECRET"]) == ("nightly", "canary-secret")
    assert "canary-secret" not in json.dumps(request)
