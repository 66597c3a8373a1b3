"""Why a driver on the cluster has no place, out of what the managers' pages say (written by hand)."""

from __future__ import annotations

import pytest

from afterbell.cluster.diagnosis import driver_needs, find_place_cause, place_text, require_place
from afterbell.cluster.managers.mesos.place import mesos_place_cause
from afterbell.cluster.managers.standalone import standalone_place_cause
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ClusterUnavailableError, NoResourcesError
from tests.cluster.rest_server import frozen_server

DISPATCHER = {"id": "F1", "name": "Spark Cluster", "active": True, "connected": True, "tasks": []}
MESOS = {"master": "mesos://d1:7077", "deploy_mode": "cluster"}
STANDALONE = {"master": "spark://m1:7077", "deploy_mode": "cluster", "rest_url": "http://m1:6066"}


def _agent(number, cpus=8, mem=16000, used=(0, 0), **attributes):
    return {
        "id": f"S{number}", "hostname": f"a{number}", "active": True, "attributes": attributes,
        "resources": {"cpus": cpus, "mem": mem}, "used_resources": {"cpus": used[0], "mem": used[1]},
    }  # fmt: skip


def _needs(properties=None, **profile):
    return driver_needs(ClusterProfile(**MESOS | profile), properties or {})


@pytest.mark.parametrize(
    ("heap", "properties", "memory"),
    [
        ("1g", {}, 1792),  # both seen on a real Mesos
        ("4g", {}, 4955),
        ("512m", {}, 512 + 384 + 384),
        ("2g", {"spark.driver.memoryOverhead": "100"}, 2048 + 100 + 384),
        ("2g", {"spark.driver.memoryOverhead": "100", "spark.mesos.driver.memoryOverhead": "50"}, 2048 + 100 + 50),
        ("10g", {"spark.driver.memoryOverheadFactor": "0.2"}, 10240 + 2048 + 2457),
    ],
)
def test_on_mesos_the_overhead_is_added_twice(heap, properties, memory):
    assert _needs(properties, driver_memory=heap).memory_mb == memory


def test_on_a_standalone_worker_none_is_added():
    assert driver_needs(ClusterProfile(**STANDALONE, driver_memory="4g"), {}).text == "1 cores and 4g"


def test_a_driver_larger_than_any_agent_is_told_with_both_overheads():
    cause = mesos_place_cause([_agent(1, mem=4900), _agent(2, mem=2000)], [DISPATCHER], _needs())
    assert cause.never
    assert "no agent is that large, even without other jobs (the largest have 8 cores and 4900 MiB" in cause.text
    assert _needs().text == (
        "1 cores and 4g of heap, 4955 MiB in all (Spark adds the overhead twice on Mesos: 409 and 450 MiB)"
    )


def test_more_cores_than_any_agent_has_are_told_as_well():
    cause = mesos_place_cause([_agent(1, cpus=2)], [DISPATCHER], _needs(driver_cores=3))
    assert cause.never
    assert "lower driver_memory or driver_cores" in cause.text


def test_memory_on_one_agent_and_cores_on_another_are_no_place():
    agents = [_agent(1, cpus=1, mem=9000), _agent(2, cpus=8, mem=3000)]
    assert mesos_place_cause(agents, [DISPATCHER], _needs(driver_cores=2)).never


def test_an_agent_that_is_full_is_waited_for():
    cause = mesos_place_cause([_agent(1, mem=8000, used=(0, 4000))], [DISPATCHER], _needs())
    assert not cause.never
    assert "no agent has that free beside other jobs (free: 8 cores and 4000 MiB)" in cause.text


def test_an_agent_with_room_leaves_the_dispatchers_offers():
    cause = mesos_place_cause([_agent(1)], [DISPATCHER], _needs())
    assert not cause.never
    assert "spark.mesos.rejectOfferDuration" in cause.text


def test_constraints_of_drivers_that_no_agent_meets_are_told():
    properties = {"spark.mesos.driver.constraints": "rack:r9"}
    cause = mesos_place_cause([_agent(1, rack="r1")], [DISPATCHER], _needs(properties))
    assert cause.never
    assert "none of the 1 agents meets spark.mesos.driver.constraints: they have rack:r1" in cause.text
    assert not mesos_place_cause([_agent(1, rack="r9")], [DISPATCHER], _needs(properties)).never


def test_without_agents_nothing_is_final():
    assert not mesos_place_cause([], [DISPATCHER], _needs()).never
    assert "no agent is registered" in mesos_place_cause([_agent(1) | {"active": False}], [DISPATCHER], _needs()).text


@pytest.mark.parametrize(
    "frameworks",
    [[], [DISPATCHER | {"active": False}], [DISPATCHER | {"connected": False}]],
)
def test_a_dispatcher_that_lost_its_master_is_told(frameworks):
    cause = mesos_place_cause([_agent(1)], frameworks, _needs())
    assert cause.never
    assert cause.unregistered
    assert "no dispatcher is registered with the Mesos master" in cause.text
    assert "Restart the dispatcher" in cause.text


def test_other_frameworks_are_no_dispatcher_but_one_of_another_name_may_be_among_them():
    job = {"id": "F2", "name": "afterbell-train", "active": True, "tasks": [{"id": "0"}]}
    cause = mesos_place_cause([_agent(1)], [job], _needs())
    assert not cause.never
    assert "none of its frameworks is called 'Spark Cluster' or has launched a driver (afterbell-train)" in cause.text


@pytest.mark.parametrize("kind", ["tasks", "completed_tasks", "unreachable_tasks"])
@pytest.mark.parametrize("task", ["driver-20261129120000-0001", "driver-20261129120000-0001-retry-2"])
def test_a_dispatcher_of_another_name_is_known_by_its_drivers(kind, task):
    named = {"id": "F2", "name": "nightly", "active": True, kind: [{"id": task}]}
    assert "dispatcher was offered none of it" in mesos_place_cause([_agent(1)], [named], _needs()).text


def test_standalone_workers_are_judged_by_what_they_have():
    worker = {"state": "ALIVE", "cores": 4, "memory": 4000, "coresfree": 4, "memoryfree": 4000}
    needs = driver_needs(ClusterProfile(**STANDALONE, driver_memory="4g"), {})
    assert standalone_place_cause({"workers": [worker]}, needs).never
    larger = worker | {"memory": 8000}
    assert "beside other jobs" in standalone_place_cause({"workers": [larger]}, needs).text
    assert "no worker is registered" in standalone_place_cause({"workers": [worker | {"state": "DEAD"}]}, needs).text


@pytest.fixture
def server():
    with frozen_server() as found:
        yield found


def _cluster(server):
    return ClusterProfile(**MESOS, master_ui=server.url)


def test_nothing_is_launched_where_the_dispatcher_lost_its_master(server):
    server.say("GET /slaves", {"slaves": [_agent(1)]})
    server.say("GET /frameworks", {"frameworks": []})
    with pytest.raises(ClusterUnavailableError, match="no driver was launched on mesos://d1:7077: no dispatcher is"):
        require_place(_cluster(server), {})


@pytest.mark.parametrize(("active", "refused"), [(1, False), (0, True)])
def test_a_master_that_hides_its_frameworks_from_us_keeps_no_driver_back(server, active, refused):
    server.say("GET /slaves", {"slaves": [_agent(1)]})
    server.say("GET /frameworks", {"frameworks": []})
    server.say("GET /metrics/snapshot", {"master/frameworks_active": active})
    assert (find_place_cause(_cluster(server), {}) is not None) is refused


def test_nothing_is_launched_that_no_agent_can_ever_take(server):
    server.say("GET /slaves", {"slaves": [_agent(1, mem=4900)]})
    server.say("GET /frameworks", {"frameworks": [DISPATCHER]})
    with pytest.raises(
        NoResourcesError, match=r"the driver needs 1 cores and 4g of heap, 4955 MiB .* no agent is that large"
    ):
        require_place(_cluster(server), {})


@pytest.mark.parametrize("answer", ["<html>", {"slaves": None}, {}, None])
def test_pages_that_cannot_be_read_keep_no_driver_back(server, answer):
    server.say("GET /slaves", answer)
    server.say("GET /frameworks", {"frameworks": [DISPATCHER]})
    require_place(_cluster(server), {})
    assert find_place_cause(_cluster(server), {}) is None
    assert f"{server.url} could not be read" in place_text(_cluster(server), {}, None)


def test_without_the_address_of_the_pages_nobody_is_asked():
    require_place(ClusterProfile(**MESOS), {})
    assert "4955 MiB" in place_text(ClusterProfile(**MESOS), {}, None)
    assert "master_ui is not set" in place_text(ClusterProfile(**MESOS), {}, None)
