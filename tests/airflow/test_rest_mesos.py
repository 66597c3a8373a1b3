"""A driver that Mesos runs: what its dispatcher and its pages say, and what they forget."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
)

from afterbell.airflow import cluster_step
from afterbell.run.job import attempt_key
from tests.airflow.rest_fixtures import KEY, connected, mesos, put_result, store
from tests.airflow.rest_world import lost, told, unknown

__all__ = ["connected", "mesos", "store"]  # fixtures

pytestmark = pytest.mark.services


def test_a_driver_that_the_cluster_forgot_is_judged_by_the_result_it_leaves(mesos, store):
    waiting = mesos.deferred()
    put_result(store, "0" * 32, branch="old")
    mesos.says(0, told("RUNNING"), unknown(), unknown())
    event = {}

    async def follow():
        trigger = waiting.trigger
        async for fired in trigger.run():
            event.update(fired.payload)

    async def both():
        following = asyncio.create_task(follow())
        asked = f"GET /v1/submissions/status/{mesos.drivers[0]}"
        while mesos.server.count(asked) < 3:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.02)
        assert not event
        await asyncio.to_thread(put_result, store, mesos.state.attempt["token"], branch="new")
        await following

    asyncio.run(both())
    assert event["ending"] == "missing"
    assert mesos.step().resume(mesos.context(), event)["branch"] == "new"


def test_a_driver_that_stays_forgotten_is_launched_again_by_the_retry(mesos, store):
    put_result(store, "0" * 32, branch="old")
    waiting = mesos.deferred()
    mesos.says(0, unknown())
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, missing=timedelta(0))
    with pytest.raises(AirflowException, match=r"the cluster has no driver .* and the driver wrote no result"):
        mesos.resume(waiting)
    assert mesos.deferred(try_number=2).trigger.driver == mesos.drivers[1]


def test_a_lost_driver_is_tried_again_though_it_may_be_running(mesos, store):
    waiting = mesos.deferred()
    mesos.says(0, lost())
    with pytest.raises(AirflowException, match="health check timed out; it may still be running") as caught:
        mesos.resume(waiting)
    assert not isinstance(caught.value, AirflowFailException)
    first = mesos.deferred(try_number=2).trigger.notes.token
    assert json.loads(store.get(attempt_key(*KEY))) == {"attempt": first}


def test_the_dispatcher_is_sent_the_script_itself_and_a_failed_exit_status_is_final(mesos):
    waiting = mesos.deferred()
    assert mesos.created()[0]["appResource"] == str(mesos.folder / "ingest.py")
    message = 'state: TASK_FAILED\nmessage: "Command exited with status 64"\n'
    mesos.says(0, told("FINISHED", message=message))
    with pytest.raises(AirflowFailException, match="ended as FAILED: Command exited with status 64"):
        mesos.resume(waiting)


def _pages(world, monkeypatch, frameworks, memory):
    """The profile names the frozen server as the Mesos master's pages."""
    profile = world.folder / "config" / "clusters" / "t.yaml"
    profile.write_text(f"{profile.read_text()}master_ui: {world.server.url}\n")
    agent = {"id": "S1", "active": True, "resources": {"cpus": 4, "mem": memory}}
    world.server.say("GET /slaves", {"slaves": [agent]})
    world.server.say("GET /frameworks", {"frameworks": frameworks})


_DISPATCHER = {"id": "F1", "name": "Spark Cluster", "active": True}


def test_a_driver_that_no_agent_can_take_is_not_launched_and_told_with_both_overheads(mesos, monkeypatch):
    _pages(mesos, monkeypatch, [_DISPATCHER], memory=4900)
    with pytest.raises(AirflowException, match=r"NoResourcesError: .* 4955 MiB in all .* lower driver_memory") as told:
        mesos.step().execute(mesos.context())
    assert not isinstance(told.value, AirflowFailException)
    assert mesos.created() == []


def test_a_dispatcher_that_lost_its_master_before_the_launch_gets_no_driver(mesos, monkeypatch):
    _pages(mesos, monkeypatch, [], memory=8000)
    with pytest.raises(AirflowException, match=r"ClusterUnavailableError: .* no dispatcher is registered") as told:
        mesos.step().execute(mesos.context())
    assert not isinstance(told.value, AirflowFailException)
    assert mesos.created() == []


@pytest.mark.parametrize(
    ("frameworks", "memory", "cause"),
    [
        ([], 8000, r"no dispatcher is registered with the Mesos master: .* Restart the dispatcher"),
        ([_DISPATCHER], 4900, r"needs 1 cores and 4g of heap, 4955 MiB in all .* no agent is that large"),
        ([_DISPATCHER], 8000, r"needs 1 cores .* the dispatcher was offered none of it"),
    ],
)
def test_a_driver_that_waits_in_the_dispatchers_queue_is_taken_back_with_the_cause(
    mesos, monkeypatch, frameworks, memory, cause
):
    waiting = mesos.deferred()
    _pages(mesos, monkeypatch, frameworks, memory)
    kill = mesos.kills(0)
    mesos.says(0, told("QUEUED"), told("NOT_FOUND"))
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, queued=timedelta(0))
    with pytest.raises(AirflowException, match=rf"no node accepted driver .* within 180 s .*{cause}"):
        mesos.resume(waiting)
    assert mesos.server.count(kill) == 1


def test_a_driver_that_mesos_refuses_is_not_tried_again(mesos, monkeypatch):
    waiting = mesos.deferred()
    driver = mesos.drivers[0]
    task = {"id": driver, "slave_id": "S1", "executor_id": ""}
    _pages(mesos, monkeypatch, [_DISPATCHER | {"completed_tasks": [task]}], memory=8000)
    host, port = mesos.server.url.removeprefix("http://").split(":")
    mesos.server.say("GET /slaves", {"slaves": [{"id": "S1", "hostname": host, "port": int(port)}]})
    output = "ERROR MesosScheduler: Mesos error: Master refused authentication\nError starting driver, DRIVER_ABORTED\n"
    mesos.server.say("GET /files/read", {"data": "", "offset": len(output)}, {"data": output, "offset": 0})
    mesos.says(0, told("FINISHED", message='state: TASK_FAILED\nmessage: "Command exited with status 1"\n'))
    with pytest.raises(AirflowFailException, match="Mesos' reason: Master refused authentication"):
        mesos.resume(waiting)
