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
from tests.small import SESSIONS, SYMBOLS, small_config

pytestmark = pytest.mark.services
STEPS = ["open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score"]
ON_CLUSTER = [step for step in STEPS if step not in {"open_run", "await_drops"}]
BACKFILL = ("backfill", "run", "--reason", "to see a cluster fill two sessions")


def command_line(folder, **profiles):
    """A command line of its own with cluster profiles of these names."""
    config = small_config(config_with(folder / "config", **profiles))
    command = CommandLine(folder / "home")
    return command.home, partial(command.result, AFTERBELL_CONFIG=str(config))


@pytest.fixture(scope="module")
def on_standalone(tmp_path_factory):
    """A standalone cluster, and a command line on a small market that knows it in both places of the driver."""
    folder = tmp_path_factory.mktemp("on-standalone")
    with standalone(folder / "cluster") as cluster:
        modes = {mode: standalone_profile(cluster, mode) for mode in ("client", "cluster")}
        home, afterbell = command_line(folder, **modes)
        with stores_of(home):
            afterbell("simulate", "--symbols", "40", "--sessions", "30")
            yield cluster, afterbell


def done(backfill):
    return backfill["state"] == "done" and {one["step"] for one in backfill["chunks"]} == {"ingest", "features"}


def test_on_the_standalone_cluster_with_drivers_beside_the_submitter(on_standalone):
    cluster, afterbell = on_standalone
    before = cluster.state()
    assert done(afterbell(*BACKFILL, "--from", "2026-06-25", "--to", "2026-06-26", "--profile", "client"))
    state = cluster.state()
    names = [app["name"] for app in state["completedapps"][len(before["completedapps"]) :]]
    assert len(set(names)) == len(names) == 2, names
    assert "afterbell backfill features" in names
    assert state["completeddrivers"] == before["completeddrivers"]


def test_on_the_standalone_cluster_with_drivers_on_its_workers(on_standalone):
    cluster, afterbell = on_standalone
    before = len(cluster.state()["completeddrivers"])
    assert done(afterbell(*BACKFILL, "--from", "2026-06-29", "--to", "2026-06-30", "--profile", "cluster"))
    drivers = cluster.state()["completeddrivers"][before:]
    assert [driver["state"] for driver in drivers] == ["FINISHED"] * 3  # the plan's, too


def test_on_mesos_through_its_dispatcher_with_drivers_on_its_agents(tmp_path):
    with dispatcher(tmp_path / "cluster") as cluster:
        _, afterbell = command_line(tmp_path, here=mesos_profile(cluster))
        summary = afterbell("demo", "--symbols", str(SYMBOLS), "--sessions", str(SESSIONS), "--profile", "here")
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
