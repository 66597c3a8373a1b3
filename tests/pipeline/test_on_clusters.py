"""The whole daily run on a real cluster manager: by changing one setting, the profile."""

from __future__ import annotations

import pytest

from tests.clusters.dispatcher import dispatcher
from tests.clusters.profiles import config_with, mesos_profile, standalone_profile
from tests.clusters.standalone import standalone
from tests.pipeline.conftest import CommandLine

pytestmark = pytest.mark.services
STEPS = ["open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score"]
ON_CLUSTER = [step for step in STEPS if step not in {"open_run", "await_drops"}]
ON_SPARK = {"ingest", "validate", "features", "train", "evaluate", "score"}


def daily_run(tmp_path, profile):
    """The demo on a small market with the cluster profile ``profile``; returns its summary."""
    command = CommandLine(tmp_path / "home")
    config = config_with(tmp_path / "config", here=profile)
    asked = ("demo", "--symbols", "120", "--sessions", "170", "--profile", "here", "--json")
    answer = command(*asked, AFTERBELL_CONFIG=str(config))
    assert answer.status == 0, answer.out + answer.err
    return answer.json


def seconds(mode, summary):
    """The seconds of each step, for whoever reads the tests' output."""
    print(mode, round(sum(summary["step_seconds"].values()), 1), summary["step_seconds"])


def released(summary):
    return list(summary["step_seconds"]) == STEPS and summary["moved"] and summary["published"] == summary["release_id"]


def test_on_the_standalone_cluster_with_drivers_beside_the_submitter(tmp_path):
    with standalone(tmp_path / "cluster") as cluster:
        summary = daily_run(tmp_path, standalone_profile(cluster, "client"))
        seconds("standalone, client", summary)
        state = cluster.state()
    assert released(summary)
    names = {app["name"].split()[1] for app in state["completedapps"]}
    assert names >= ON_SPARK
    assert state["completeddrivers"] == []


def test_on_the_standalone_cluster_with_drivers_on_its_workers(tmp_path):
    with standalone(tmp_path / "cluster") as cluster:
        summary = daily_run(tmp_path, standalone_profile(cluster, "cluster"))
        seconds("standalone, cluster", summary)
        state = cluster.state()
    assert released(summary)
    assert [driver["state"] for driver in state["completeddrivers"]] == ["FINISHED"] * len(ON_CLUSTER)


def test_on_mesos_through_its_dispatcher_with_drivers_on_its_agents(tmp_path):
    with dispatcher(tmp_path / "cluster") as cluster:
        summary = daily_run(tmp_path, mesos_profile(cluster))
        seconds("mesos, cluster", summary)
        drivers = cluster.drivers()
        told = [cluster.rest.status(driver.id)["message"] for driver in drivers]
    assert released(summary)
    names = [driver.info["name"].removeprefix("Driver for afterbell-") for driver in drivers]
    assert names == ON_CLUSTER
    assert [driver.state for driver in drivers] == ["TASK_FINISHED"] * len(ON_CLUSTER)
    assert ["state: TASK_FINISHED" in each for each in told] == [True] * len(ON_CLUSTER)
