"""The cause of a driver without executors, out of what the cluster managers' own pages say (written by hand)."""

import socket
import threading

import pytest

from afterbell.cluster.diagnosis import executor_request, find_executor_cause
from afterbell.cluster.executor_request import megabytes
from afterbell.cluster.managers.mesos.executors import mesos_cause
from afterbell.cluster.managers.standalone import standalone_cause
from tests.patience import LONG

APP = "d6b1-0007"
MESOS = {"spark.master": "mesos://m1:5050", "spark.executor.memory": "4g", "spark.executor.cores": "2"}


def _agent(number, cpus=8, mem=16000, used=(0, 0), **attributes):
    return {
        "id": f"S{number}", "hostname": f"a{number}", "active": True, "attributes": attributes,
        "resources": {"cpus": cpus, "mem": mem, "disk": 1000, "ports": "[31000-32000]"},
        "used_resources": {"cpus": used[0], "mem": used[1]},
    }  # fmt: skip


def _mesos(agents, tasks=(), **more):
    frameworks = [
        {"id": "another", "completed_tasks": [{"state": "TASK_FAILED"}]},
        {"id": APP, "completed_tasks": tasks},
    ]
    return mesos_cause(agents, frameworks, APP, executor_request(MESOS | more))


def test_no_agent_at_all():
    assert "no agent is registered" in _mesos([])
    assert "no agent is registered" in _mesos([_agent(1) | {"active": False}])


def test_a_wrong_executor_home_is_known_by_its_failed_tasks():
    message = "Command exited with status 127"
    tasks = [{"state": "TASK_FAILED", "slave_id": "S2", "statuses": [{"message": message}]}] * 2
    found = _mesos([_agent(1), _agent(2)], tasks, **{"spark.mesos.executor.home": "/opt/nowhere"})
    assert (
        "2 executors were started and ended at once, the last on a2 as TASK_FAILED (Command exited with status 127)"
        in found
    )
    assert "Spark's folder (executor_home" in found
    assert "spark.mesos.executor.home=/opt/nowhere" in found


def test_an_image_that_agents_cannot_run_is_named():
    tasks = [{"state": "TASK_FAILED", "slave_id": "S9", "statuses": []}]
    found = _mesos([_agent(1)], tasks, **{"spark.mesos.executor.docker.image": "a/b:1"})
    assert "can the agent run that image" in found
    assert "spark.mesos.executor.docker.image=a/b:1" in found


def test_executors_that_ended_well_are_no_failure():
    assert "TASK" not in _mesos([_agent(1)], [{"state": "TASK_FINISHED"}, {"state": "TASK_KILLED"}])


def test_memory_larger_than_any_agent_counts_what_spark_adds():
    # 14 GiB are 14336 MiB; a tenth on top makes 15769, which an agent with 15000 never offers.
    found = _mesos([_agent(1, mem=15000), _agent(2, mem=8000)], **{"spark.executor.memory": "14g"})
    assert "an executor wants 15769 MiB of memory (spark.executor.memory=14g with what Spark adds)" in found
    assert "the largest agent has 15000 MiB: lower executor_memory" in found


def test_more_cores_than_any_agent_has():
    assert "wants 2 cores, and the largest agent has 1: lower executor_cores" in _mesos([_agent(1, cpus=1)])


@pytest.mark.parametrize(
    ("constraints", "met"),
    [
        ("rack:r1", True), ("rack:r3,r2", True), ("rack:", True), ("rack", True), ("gen:6", True),
        ("rack:r1;disk:ssd", True),
        ("rack:r9", False), ("zone:z", False), ("zone:", False), ("gen:8", False), ("rack:r1;disk:hdd", False),
        ("gen:x", False),
    ],
)  # fmt: skip
def test_constraints_are_held_against_the_agents_attributes_as_spark_does(constraints, met):
    agents = [_agent(1, rack="r1", gen=7, disk="ssd"), _agent(2, rack="r2", gen=6)]
    found = _mesos(agents, **{"spark.mesos.constraints": constraints})
    assert ("none of the 2 agents meets spark.mesos.constraints=" in found) is not met


def test_agents_that_meet_the_constraints_and_are_busy():
    agents = [_agent(1, rack="r1", used=(7, 100)), _agent(2, rack="r2")]
    found = _mesos(agents, **{"spark.mesos.constraints": "rack:r1"})
    assert "no agent has 2 cores and 4505 MiB free beside other jobs (free: 1 cores and 15900 MiB)" in found


def test_room_that_is_not_offered_points_to_roles():
    assert "check role, reservations and quotas (spark.mesos.role=market)" in _mesos(
        [_agent(1)], **{"spark.mesos.role": "market"}
    )


def test_a_standalone_worker_that_gave_its_cores_to_this_job_and_not_to_another():
    worker = {"state": "ALIVE", "cores": 2, "coresfree": 0, "memory": 4096, "memoryfree": 2048}
    wanted = executor_request({"spark.master": "spark://m1:7077", "spark.executor.memory": "2g"})
    other, own = {"id": "app-1", "cores": 2}, {"id": "app-2", "cores": 2}
    assert "no worker has 1 cores and 2048 MiB free" in standalone_cause(
        {"workers": [worker], "activeapps": [other, {"id": "app-2", "cores": 0}]}, "app-2", wanted
    )
    assert "work/app-2/<n>/stderr" in standalone_cause({"workers": [worker], "activeapps": [own]}, "app-2", wanted)


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ({"activeapps": [{"id": "app-2", "cores": 0}]}, "executors end as soon as they start"),
        ({"activeapps": []}, "executors end as soon as they start"),
        ({"activeapps": [{"id": "app-1", "cores": 0}]}, "executors end as soon as they start"),
        ({"activedrivers": [{"id": "driver-1", "cores": 1}]}, "beside other jobs"),
        ({"activeapps": [{"id": "app-1", "cores": 1}]}, "beside other jobs"),
    ],
    ids=["own-executor-just-gone", "application-removed", "another-waits", "a-driver-holds-it", "another-holds-it"],
)
def test_a_worker_without_room_is_taken_by_others_only_where_others_hold_cores(others, cause):
    worker = {"state": "ALIVE", "cores": 1, "coresfree": 0, "memory": 1024, "memoryfree": 512}
    wanted = executor_request({"spark.master": "spark://m1:7077", "spark.executor.memory": "512m"})
    assert cause in standalone_cause({"workers": [worker]} | others, "app-2", wanted)


def test_a_dead_worker_is_none():
    wanted = executor_request({"spark.master": "spark://m1:7077"})
    assert "no worker is registered" in standalone_cause({"workers": [{"state": "DEAD"}]}, "app-1", wanted)


def test_pages_of_a_busy_master_are_asked_again(busy_master):
    wanted = executor_request({"spark.master": "spark://m1:7077", "spark.afterbell.masterUi": busy_master})
    assert "no worker is registered with the master" in find_executor_cause(wanted, "app-1")


@pytest.fixture
def busy_master():
    """The address of pages that hang up on the first two who ask."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_the_third, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(LONG)


def _answer_the_third(listener):
    for number in range(3):
        asked, _ = listener.accept()
        with asked:
            asked.recv(65536)
            if number == 2:
                asked.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"workers": []}')


@pytest.mark.parametrize("ui", ["", "http://127.0.0.1:9"])
def test_pages_that_cannot_be_read_leave_all_causes(ui):
    properties = MESOS | {"spark.master": "mesos://zk://z1:2181/m", "spark.afterbell.masterUi": ui}
    found = find_executor_cause(executor_request(properties | {"spark.mesos.constraints": "rack:r9"}), APP)
    for cause in ("memory larger than any offer (4505 MiB)", "no 2 free cores", "executor home", "image", "role"):
        assert cause in found
    assert "spark.mesos.constraints=rack:r9" in found


@pytest.mark.parametrize(
    ("text", "mib"), [("4g", 4096), ("512m", 512), ("1t", 1048576), ("2048k", 2), ("700", 700), ("1gb", 1024), ("x", 0)]
)
def test_sizes_are_read_as_spark_writes_them(text, mib):
    assert megabytes(text) == mib
