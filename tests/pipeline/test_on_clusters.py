"""Runs on real cluster managers, by changing one setting, the profile: a whole day on one, a backfill on the others.

The steps are the same code everywhere; what a manager has of its own is how drivers and executors come to be.
"""

from __future__ import annotations

from functools import partial

import pytest

from tests.clusters.dispatcher import dispatcher
from tests.clusters.profiles import config_with, mesos_profile, standalone_profile
from tests.clusters.standalone import standalone
from tests.command_line import CommandLine
from tests.pipeline.conftest import stores_of

pytestmark = pytest.mark.services
STEPS = ["open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score"]
ON_CLUSTER = [step for step in STEPS if step not in {"open_run", "await_drops"}]
BACKFILL = ("--from", "2026-06-29", "--to", "2026-06-30", "--reason", "to see a cluster fill two sessions")


def command_line(tmp_path, profile):
    """A command line of its own with the cluster profile ``profile``, named ``here``."""
    config = config_with(tmp_path / "config", here=profile)
    command = CommandLine(tmp_path / "home")
    return command.home, partial(command.result, AFTERBELL_CONFIG=str(config))


def filled(tmp_path, profile):
    """A small market and two sessions of it filled with the profile; returns what the backfill says."""
    home, afterbell = command_line(tmp_path, profile)
    with stores_of(home):
        afterbell("simulate", "--symbols", "40", "--sessions", "30")
        return afterbell("backfill", "run", *BACKFILL, "--profile", "here")


def done(backfill):
    return backfill["state"] == "done" and {one["step"] for one in backfill["chunks"]} == {"ingest", "features"}


def test_on_the_standalone_cluster_with_drivers_beside_the_submitter(tmp_path):
    with standalone(tmp_path / "cluster") as cluster:
        assert done(filled(tmp_path, standalone_profile(cluster, "client")))
        state = cluster.state()
    names = {app["name"] for app in state["completedapps"]}
    assert len(names) == len(state["completedapps"]) == 2, names
    assert "afterbell backfill features" in names
    assert state["completeddrivers"] == []


def test_on_the_standalone_cluster_with_drivers_on_its_workers(tmp_path):
    with standalone(tmp_path / "cluster") as cluster:
        assert done(filled(tmp_path, standalone_profile(cluster, "cluster")))
        state = cluster.state()
    assert [driver["state"] for driver in state["completeddrivers"]] == ["FINISHED"] * 3  # the plan's, too


def test_on_mesos_through_its_dispatcher_with_drivers_on_its_agents(tmp_path):
    with dispatcher(tmp_path / "cluster") as cluster:
        _, afterbell = command_line(tmp_path, mesos_profile(cluster))
        summary = afterbell("demo", "--symbols", "120", "--sessions", "170", "--profile", "here")
        print("mesos, cluster", round(sum(summary["step_seconds"].values()), 1), summary["step_seconds"])
        drivers = cluster.drivers()
        told = [cluster.rest.status(driver.id)["message"] for driver in drivers]
    assert list(summary["step_seconds"]) == STEPS
    assert summary["moved"]
    assert summary["published"] == summary["release_id"]
    names = [driver.info["name"].removeprefix("Driver for afterbell-") for driver in drivers]
    assert names == ON_CLUSTER
    assert [driver.state for driver in drivers] == ["TASK_FINISHED"] * len(ON_CLUSTER)
    assert ["state: TASK_FINISHED" in each for each in told] == [True] * len(ON_CLUSTER)
