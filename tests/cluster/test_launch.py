"""What a step sends to a cluster and what ``doctor`` sends: the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from afterbell.cli import doctor_cluster
from afterbell.cli.context import Opened
from afterbell.cluster.job import StepArgs
from afterbell.cluster.launch import Launch
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.secrets import cluster_secrets, secret_values
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
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


def _sent_by_doctor(opened, **profile):
    """The request that doctor launches its probe with."""
    with frozen_server() as server:
        server.say(CREATE, {"action": "x", "success": True, "submissionId": DRIVER})
        server.say(f"GET /v1/submissions/status/{DRIVER}", {"action": "x", "success": True, "driverState": "FINISHED"})
        rest = {"rest_url": server.url, "master": "spark://127.0.0.1:7077"}
        if profile.pop("manager") == "mesos":
            rest = {"master": server.url.replace("http", "mesos")}
        cluster = ClusterProfile(deploy_mode="cluster", **rest, **profile)
        args = StepArgs("probe", date(2026, 6, 30), "doctor__x", datetime(2026, 6, 30, 22, tzinfo=UTC))
        job = doctor_cluster._Job(opened, cluster, args)
        doctor_cluster._on_cluster(job)
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


def test_a_log_shows_no_key_and_no_secret_of_the_driver():
    keys = {"AWS_ACCESS_KEY_ID": "k1", "AWS_SECRET_ACCESS_KEY": "k2", "AWS_SESSION_TOKEN": "k3", "AWS_REGION": "here"}
    assert sorted(secret_values(SECRETS | keys | {"OTHER": "x"})) == ["c2", "canary-secret", "k1", "k2", "k3"]
    assert secret_values({"AWS_SESSION_TOKEN": ""}) == []
