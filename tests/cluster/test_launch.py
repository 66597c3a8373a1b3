"""What a step sends to a cluster and what ``doctor`` sends: the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from afterbell.cli import doctor_cluster
from afterbell.cli.context import Opened
from afterbell.cluster.launch import Launch
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.secrets import cluster_secrets, secret_values
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.errors import ClusterUnavailableError, NoResourcesError
from afterbell.run.contracts.releases import ProbeInputs
from afterbell.run.job import StepArgs
from tests.cluster.rest_server import frozen_server
from tests.cluster.test_connections import ENV

CREATE = "POST /v1/submissions/create"
DRIVER = "driver-20261129120000-0001"
SECRETS = {"SPARK_MESOS_PRINCIPAL": "nightly", "SPARK_MESOS_SECRET": "canary-secret", "AFTERBELL_SPARK_SECRET": "c2"}


@pytest.fixture
def opened(tmp_path, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path / "home", env=set_up.env)
    env = ENV | {"AFTERBELL_HOME": str(folders.home)}
    return Opened(folders, Platform(), Runtime.from_env(env), env)


def _job(opened, cluster):
    args = StepArgs("probe", date(2026, 6, 30), "doctor__x", datetime(2026, 6, 30, 22, tzinfo=UTC), ProbeInputs())
    return doctor_cluster._Job(opened, cluster, args)


def _sent_by_doctor(opened, **profile):
    """The request that doctor launches its probe with."""
    with frozen_server() as server:
        server.say(CREATE, {"action": "x", "success": True, "submissionId": DRIVER})
        server.say(f"GET /v1/submissions/status/{DRIVER}", {"action": "x", "success": True, "driverState": "FINISHED"})
        rest = {"rest_url": server.url, "master": "spark://127.0.0.1:7077"}
        if profile.pop("manager") == "mesos":
            rest = {"master": server.url.replace("http", "mesos")}
        cluster = ClusterProfile(deploy_mode="cluster", **rest, **profile)
        job = _job(opened, cluster)
        doctor_cluster._run_on_cluster(job)
        (request,) = [body for what, body in server.requests if what == CREATE]
        return job, request


@pytest.mark.parametrize(
    ("manager", "names"),
    [("mesos", {"SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"}), ("standalone", {"AFTERBELL_SPARK_SECRET"})],
)
def test_doctor_sends_what_a_step_sends_and_the_secrets_of_that_cluster_alone(opened, manager, names):
    job, request = _sent_by_doctor(opened, manager=manager)
    environment = opened.env | cluster_secrets(job.cluster, SECRETS)
    launch = Launch(opened.folders, job.cluster, job.script, environment)
    step = launch.place_files().request(*job.arguments())
    assert {"action": "CreateSubmissionRequest", **step} == request
    assert {name for name in SECRETS if name in request["environmentVariables"]} == names
    del request["environmentVariables"]
    assert "canary-secret" not in json.dumps(request)


def test_doctor_takes_a_driver_back_that_no_node_takes_and_says_why(opened):
    with frozen_server() as server:
        server.say(CREATE, {"action": "x", "success": True, "submissionId": DRIVER})
        server.say(f"GET /v1/submissions/status/{DRIVER}", {"action": "x", "success": True, "driverState": "QUEUED"})
        server.say(f"POST /v1/submissions/kill/{DRIVER}", {"action": "x", "success": True})
        agent = {"id": "S1", "resources": {"cpus": 4, "mem": 8000}, "used_resources": {"cpus": 1, "mem": 4000}}
        server.say("GET /slaves", {"slaves": [agent]})
        server.say("GET /frameworks", {"frameworks": [{"id": "F1", "name": "Spark Cluster"}]})
        master = server.url.replace("http", "mesos")
        cluster = ClusterProfile(deploy_mode="cluster", master=master, master_ui=server.url, first_executor_seconds=1)
        told = doctor_cluster._run_on_cluster(_job(opened, cluster))
        assert server.count(f"POST /v1/submissions/kill/{DRIVER}") == 1
    assert f"no node accepted driver {DRIVER} within 1 s" in told
    assert "4955 MiB in all" in told
    assert "no agent has that free beside other jobs (free: 3 cores and 4000 MiB)" in told


@pytest.mark.parametrize(
    ("memory", "frameworks", "kind"),
    [(4000, [{"id": "F1", "name": "Spark Cluster"}], NoResourcesError), (8000, [], ClusterUnavailableError)],
)
def test_doctor_launches_nothing_that_would_wait_for_ever(opened, memory, frameworks, kind):
    with frozen_server() as server:
        server.say("GET /slaves", {"slaves": [{"id": "S1", "resources": {"cpus": 4, "mem": memory}}]})
        server.say("GET /frameworks", {"frameworks": frameworks})
        cluster = ClusterProfile(
            deploy_mode="cluster", master=server.url.replace("http", "mesos"), master_ui=server.url
        )
        with pytest.raises(kind, match="no driver was launched"):
            doctor_cluster._run_on_cluster(_job(opened, cluster))
        assert server.count(CREATE) == 0


def test_a_log_shows_no_key_and_no_secret_of_the_driver():
    keys = {"AWS_ACCESS_KEY_ID": "k1", "AWS_SECRET_ACCESS_KEY": "k2", "AWS_SESSION_TOKEN": "k3", "AWS_REGION": "here"}
    assert sorted(secret_values(SECRETS | keys | {"OTHER": "x"})) == ["c2", "canary-secret", "k1", "k2", "k3"]
    assert secret_values({"AWS_SESSION_TOKEN": ""}) == []
