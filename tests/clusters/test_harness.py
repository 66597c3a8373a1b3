"""The clusters that other tests stand on: real ones, and gone when the tests are over."""

from __future__ import annotations

import json

import psutil
import pytest

from tests.clusters.dispatcher import dispatcher
from tests.clusters.payloads import mesos_request, standalone_request
from tests.clusters.programs import until
from tests.clusters.rest import get
from tests.clusters.standalone import standalone

pytestmark = pytest.mark.services
AWKWARD = ('{"a": "b c"}', "$(touch x); it's", "two\nlines", "*")


def _family_names(folder):
    return [
        item.name() for item in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(item.info["cmdline"] or [])
    ]


def _heard(output):
    return json.loads(next(line for line in output.splitlines() if line.startswith('{"total"')))


def test_a_python_driver_runs_on_the_standalone_cluster_and_nothing_of_it_is_left(tmp_path):
    with standalone(tmp_path) as cluster:
        driver = cluster.rest.create(standalone_request(cluster.master, "trivial.py", "print", *AWKWARD))[
            "submissionId"
        ]
        until("the driver has ended", lambda: cluster.rest.status(driver)["driverState"] == "FINISHED")
        heard = _heard(cluster.driver_log(driver, "stdout"))
        assert (heard["total"], tuple(heard["arguments"])) == (4950, AWKWARD)
        left = cluster.rest.create(standalone_request(cluster.master, "quick.py", "wait", "/nowhere"))["submissionId"]
        assert cluster.driver_process(left).is_running()
        assert _family_names(tmp_path)
    assert _family_names(tmp_path) == []


def test_a_python_driver_and_its_executors_run_on_mesos_and_nothing_of_them_is_left(tmp_path):
    with dispatcher(tmp_path) as cluster:
        request = mesos_request(cluster.address, tmp_path, "trivial.py", "print", "plain")
        driver = cluster.rest.create(request)["submissionId"]
        until("the driver has ended", lambda: cluster.rest.status(driver)["driverState"] == "FINISHED")
        assert "state: TASK_FINISHED" in cluster.rest.status(driver)["message"]
        assert _heard(cluster.driver_log(driver, "stdout"))["total"] == 4950
        agent, task = cluster.task(driver)
        path = f"/frameworks/{task.framework}/executors/{driver}/runs/latest/stdout"
        assert get(f"{agent.server.address}/files/read?path={path}&offset=1&length=7")["data"] == '"total"'
        executors = [each for each in cluster.frameworks() if each["name"] == "trivial"]
        assert executors[0]["completed_tasks"]
        assert _family_names(tmp_path)
    assert _family_names(tmp_path) == []


def test_a_framework_without_the_secret_is_refused_by_mesos(tmp_path):
    with dispatcher(
        tmp_path,
        secret="known to the agents",
        spark__mesos__principal="afterbell",
        spark__mesos__secret="known to the agents",
    ) as cluster:
        driver = cluster.rest.create(mesos_request(cluster.address, tmp_path, "trivial.py", "print"))["submissionId"]
        until("the driver has ended", lambda: "state: TASK_FAILED" in cluster.rest.status(driver).get("message", ""))
        assert "Master refused authentication" in cluster.driver_log(driver)
