"""What Spark waits for without an end, a driver ends with the reason: on a real standalone master."""

from __future__ import annotations

import socket

import pytest

from afterbell.embedded.ports import free_port
from tests.cluster.drivers import driver, limits, outcome, read_until
from tests.clusters.programs import until
from tests.clusters.standalone import standalone

pytestmark = pytest.mark.services
COUNTING = "counting.py"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with standalone(tmp_path_factory.mktemp("standalone"), workers=0, cores=1, memory="1g") as found:
        yield found


def test_a_cluster_without_workers_is_named_as_the_reason(cluster, tmp_path):
    status, output = outcome(tmp_path, COUNTING, cluster.master, limits(cluster.ui))
    assert status == 1, output
    assert f"counting: NoResourcesError: the driver got no executor for 10 s from {cluster.master}: " in output
    assert "no worker is registered with the master" in output.rsplit("NoResourcesError", 1)[1]


def test_a_master_that_takes_the_connection_and_says_nothing_ends_in_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        master = f"spark://127.0.0.1:{deaf.getsockname()[1]}"
        status, output = outcome(tmp_path, COUNTING, master, limits(registered=10))
    assert status == 1, output
    assert f"counting: ClusterUnavailableError: {master} has not accepted this driver within 10 s" in output
    assert "UP" not in output  # Spark alone would take no notice of it for ever


def test_a_master_that_is_not_there_ends_in_time(tmp_path):
    status, output = outcome(tmp_path, COUNTING, f"spark://127.0.0.1:{free_port()}", limits(registered=10))
    assert status == 1, output
    assert "counting: ClusterUnavailableError: spark://127.0.0.1:" in output


def test_one_worker_too_small_then_breaking_executors_then_too_busy_then_gone(cluster, tmp_path):
    """One worker for four cases: executors too large, ones that end at once, ones that another job holds, its death."""
    worker = cluster.start_worker("worker")
    until("the worker is registered", lambda: cluster.alive() == 1)
    large = limits(cluster.ui) | {"spark.executor.memory": "3g"}
    status, output = outcome(tmp_path, COUNTING, cluster.master, large)
    assert status == 1, output
    assert "wants 3072 MiB of memory (spark.executor.memory=3g with what" in output
    assert "the largest worker has 1024 MiB: lower executor_memory" in output

    broken = limits(cluster.ui, first_executor=15) | {"spark.executor.extraJavaOptions": "-javaagent:/nowhere.jar"}
    status, output = outcome(tmp_path, COUNTING, cluster.master, broken)
    assert status == 1, output
    assert "counting: NoResourcesError: the driver got no executor for 15 s" in output
    assert "/<n>/stderr on a worker" in output

    patient = limits(cluster.ui, first_executor=60)  # its executor must start first, on whatever machine this is
    with driver(tmp_path, COUNTING, cluster.master, patient, inputs={"keep_counting": True}) as holder:
        read_until(holder, "COUNTED")
        status, output = outcome(tmp_path, COUNTING, cluster.master, limits(cluster.ui))
        assert status == 1, output
        assert "no worker has 1 cores and 512 MiB free beside other jobs (free: 0 cores and 512 MiB)" in output

        worker.kill_all()
        output = read_until(holder, "NoResourcesError")
        assert holder.wait(300) == 1
    assert "counting: NoResourcesError: the driver lost all of its executors and got none for 60 s" in output


def test_a_driver_on_this_machine_alone_is_not_watched(tmp_path):
    status, output = outcome(tmp_path, COUNTING, "local[1]", limits(registered=1, first_executor=1))
    assert status == 0, output
    assert "FOUND 100" in output
