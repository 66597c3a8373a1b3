"""The silent hangs of Mesos end with their cause: Spark's own scheduler for it, before a stand-in for libmesos."""

from __future__ import annotations

import json
import socket

import pytest

from tests.cluster import drivers
from tests.cluster.drivers import limits, outcome
from tests.clusters.mesos.agent import Agent
from tests.clusters.mesos.build import mesos_spark_home
from tests.clusters.mesos.master import Master
from tests.clusters.programs import programs, quick_java
from tests.clusters.rest import get
from tests.patience import LONG

pytestmark = pytest.mark.services
COUNTING = "counting.py"


@pytest.fixture(scope="module")
def spark_home(tmp_path_factory):
    return mesos_spark_home(tmp_path_factory.mktemp("agents"))


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mesos")
    env = quick_java() | {"SPARK_LOCAL_IP": "127.0.0.1"}  # all that tasks get; Java is their driver's
    with programs(folder) as keeper:
        agents = [
            Agent(f"agent-{rack}", folder / rack, keeper, env, cpus=2, mem=2048, attributes={"rack": rack})
            for rack in ("r1", "r2")
        ]
        found = Master(agents)
        yield f"mesos://127.0.0.1:{found.port}"
        found.close()
        for agent in agents:
            agent.server.close()


def test_a_job_that_the_cluster_serves_counts(master, spark_home, tmp_path):
    conf = limits(first_executor=LONG) | {"spark.cores.max": "1", "spark.mesos.constraints": "rack:r2"}
    status, output = outcome(tmp_path, COUNTING, master, conf, spark_home)
    assert (status, "FOUND 100" in output) == (0, True), output


def test_executors_authenticate_to_their_driver_by_a_secret_that_no_page_shows(master, spark_home, tmp_path):
    conf = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true", "spark.cores.max": "1"}
    status, output = outcome(tmp_path, COUNTING, master, limits(first_executor=LONG) | conf, spark_home)
    assert (status, "FOUND 100" in output) == (0, True), output
    pages = json.dumps([get(f"http://{master.removeprefix('mesos://')}/{page}") for page in ("state", "frameworks")])
    assert "_SPARK_AUTH_SECRET" not in pages


def test_a_framework_that_mesos_refuses_ends_for_good_with_the_reason(spark_home, tmp_path):
    guarded = Master([], secret="canary-secret")
    try:
        address = f"mesos://127.0.0.1:{guarded.port}"
        conf = limits() | {"spark.mesos.principal": "nightly", "spark.mesos.role": "night"}
        status, output = outcome(tmp_path, COUNTING, address, conf, spark_home)
    finally:
        guarded.close()
    assert status == 64, output
    assert f"counting: ConfigError: the Mesos master behind {address} refused this framework: Master refused " in output
    assert "(spark.mesos.role=night, spark.mesos.principal=nightly)" in output
    assert "canary-secret" not in output


def test_a_driver_without_libmesos_says_where_to_name_it(master, spark_home, tmp_path, monkeypatch):
    monkeypatch.setattr(drivers, "libmesos_of", lambda home: str(home / "nowhere.so"))
    status, output = outcome(tmp_path, COUNTING, master, limits(), spark_home)
    assert status == 64, output
    assert "ConfigError: libmesos could not be loaded on" in output
    assert "--executor_environment_variables, or as spark.mesos.driverEnv.MESOS_NATIVE_JAVA_LIBRARY" in output


@pytest.mark.parametrize(
    ("conf", "cause", "seconds"),
    [
        ({"spark.executor.memory": "3g"}, "wants 3456 MiB of memory (spark.executor.memory=3g with what ", 10),
        ({"spark.mesos.constraints": "rack:r9"}, "none of the 2 agents meets spark.mesos.constraints=rack:r9: ", 10),
        ({"spark.mesos.executor.home": "/nowhere/spark"}, "(spark.mesos.executor.home=/nowhere/spark)", 30),
        ({"spark.mesos.executor.docker.image": "nobody/nothing:1"}, "can the agent run that image", 30),
        ({"spark.executor.cores": "4", "spark.cores.max": "4"}, "wants 4 cores, and the largest agent has 2", 10),
    ],
)  # fmt: skip
def test_each_hang_is_told_by_its_cause(master, spark_home, tmp_path, conf, cause, seconds):
    """Two failed launches take a busy machine more than ten seconds to come to pass."""
    status, output = outcome(tmp_path, COUNTING, master, limits(first_executor=seconds) | conf, spark_home)
    assert status == 1, output
    assert f"counting: NoResourcesError: the driver got no executor for {seconds} s from {master}: " in output
    assert cause in output, output


def test_a_master_that_takes_the_connection_and_says_nothing_ends_in_time(spark_home, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        master = f"mesos://127.0.0.1:{deaf.getsockname()[1]}"
        status, output = outcome(tmp_path, COUNTING, master, limits(registered=10), spark_home)
    assert status == 1, output
    assert f"counting: ClusterUnavailableError: {master} has not accepted this driver within 10 s" in output
