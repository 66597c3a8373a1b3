"""A step whose driver runs on the cluster: launched once, taken up after a crash, judged by what it left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
    TaskDeferred,
)

from afterbell.airflow import attempt, cluster_step, outage
from afterbell.airflow.connections import store_environment
from afterbell.airflow.results import AttemptNotes, _store
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.packed import unpacked
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.share import placed
from afterbell.run.job import attempt_key, failure_key, result_key
from tests.airflow.rest_world import CREATE, RUN, World, configure, lost, told, unknown
from tests.cluster.rest_server import frozen_server
from tests.patience import LONG

pytestmark = pytest.mark.services
KEY = (datetime(2016, 6, 30).date(), "manual__x", "ingest")  # noqa: DTZ001 - a day has no zone


@pytest.fixture
def store(stores):
    found = _store(stores)
    found.ensure_bucket()
    for key in (result_key, failure_key, attempt_key):
        found.delete(key(*KEY))
    return found


@pytest.fixture
def connected(stores, store, monkeypatch):
    for name, body in connection_environment(stores, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    monkeypatch.setattr(cluster_step, "KILL_SECONDS", 1.0)


@pytest.fixture
def world(connected, tmp_path, monkeypatch):
    with frozen_server() as server:
        configure(tmp_path, server.url, monkeypatch)
        yield World(server, tmp_path)


@pytest.fixture
def mesos(connected, tmp_path, monkeypatch):
    with frozen_server() as server:
        configure(tmp_path, server.url, monkeypatch, manager="mesos")
        yield World(server, tmp_path)


def _put(store, token, **fields):
    store.put(result_key(*KEY), json.dumps({"attempt": token, **fields}).encode())


def test_a_driver_that_ends_well_leaves_the_result_and_the_next_run_of_the_task_begins_anew(world):
    waiting = world.deferred()
    assert world.drive(0, "audit_x") == 0
    world.says(0, told("FINISHED"))
    found = world.resume(waiting)
    assert (found["branch"], found["step"]) == ("audit_x", "ingest")
    assert world.state.attempt is None
    world.deferred()
    assert len(world.created()) == 2


def test_nothing_that_airflow_stores_of_the_wait_is_secret(world, stores):
    waiting = world.deferred()
    kept = json.dumps([waiting.trigger.serialize(), world.state.attempt])
    assert stores["AWS_SECRET_ACCESS_KEY"] not in kept
    assert stores["AWS_ACCESS_KEY_ID"] not in kept
    request = world.created()[0]
    assert request.pop("environmentVariables")["AWS_SECRET_ACCESS_KEY"] == stores["AWS_SECRET_ACCESS_KEY"]
    assert stores["AWS_SECRET_ACCESS_KEY"] not in json.dumps(request)


def test_the_driver_is_known_before_anything_else_happens(world, monkeypatch):
    seen = []
    monkeypatch.setattr(cluster_step.ClusterStep, "_follow", lambda *_: seen.append(world.state.attempt) or {})
    world.step().execute(world.context())
    assert seen[0]["driver"] == world.drivers[0]


_WORKER = """
import sys, time
from pathlib import Path
from afterbell.airflow import cluster_step
from tests.airflow.rest_world import FrozenServer, World

class Elsewhere(World):
    def __post_init__(self):
        from tests.airflow.rest_world import State
        self.state = State(self.folder / "state.json")

point, folder = sys.argv[1:]
world = Elsewhere(FrozenServer(), Path(folder))
def stop(*_):
    Path(folder, "here").write_text("x")
    time.sleep(600)
if point == "after the launch":
    cluster_step.ClusterStep._follow = stop
elif point == "before the launch":
    cluster_step.create = stop
else:
    real = cluster_step.create
    cluster_step.create = lambda *given: stop(real(*given))
world.step().execute(world.context())
"""


def _killed(world, point):
    """A worker's process that is killed at ``point``."""
    (world.folder / "worker.py").write_text(_WORKER)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    worker = subprocess.Popen([sys.executable, world.folder / "worker.py", point, world.folder], env=env)
    while not (world.folder / "here").exists():
        assert worker.poll() is None, "the worker ended by itself"
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def test_after_the_kill_of_a_worker_the_retry_takes_the_driver_up(world):
    _killed(world, "after the launch")
    waiting = world.deferred(try_number=2)
    assert waiting.trigger.driver == world.drivers[0]
    world.drive(0, "audit_x")
    world.says(0, told("RUNNING"), told("FINISHED"))
    assert world.resume(waiting, try_number=2)["branch"] == "audit_x"
    assert world.server.count(CREATE) == 1


def test_after_the_kill_of_a_worker_before_the_launch_the_retry_launches_the_one_driver(world):
    _killed(world, "before the launch")
    assert world.server.count(CREATE) == 0
    world.deferred(try_number=2)
    assert world.server.count(CREATE) == 1


def test_a_driver_of_unknown_id_that_has_not_begun_leaves_when_another_is_launched(world, store):
    _killed(world, "between launch and note")
    world.deferred(try_number=2)
    assert world.server.count(CREATE) == 2
    assert world.drive(0, "late") == 64
    assert not store.exists(result_key(*KEY))
    assert not store.exists(failure_key(*KEY))
    assert world.drive(1, "audit_x") == 0


def test_a_driver_of_unknown_id_that_ended_well_is_not_launched_again(world):
    _killed(world, "between launch and note")
    assert world.drive(0, "audit_x") == 0
    assert world.step().execute(world.context(2))["branch"] == "audit_x"
    assert world.server.count(CREATE) == 1


def test_a_lost_answer_to_the_launch_is_retried_with_an_attempt_of_its_own(world):
    world.server.say(CREATE, None)
    with pytest.raises(
        AirflowException, match=r"may or may not have been launched.*Of two drivers of one step one"
    ) as caught:
        world.step().execute(world.context())
    assert not isinstance(caught.value, AirflowFailException)
    first = world.state.attempt["token"]
    world.server.say(CREATE, {"action": "x", "submissionId": world.drivers[1], "success": True})
    world.deferred(try_number=2)
    assert world.state.attempt["token"] != first


def test_a_cluster_that_is_down_is_asked_again_for_a_while_and_then_by_the_retry(connected, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        configure(tmp_path, url, monkeypatch)
        with frozen_server() as server, pytest.raises(AirflowException, match="did not answer") as caught:
            World(server, tmp_path).step().execute(World(server, tmp_path).context())
    assert not isinstance(caught.value, AirflowFailException)


def test_a_full_queue_that_empties_is_waited_for(connected, tmp_path, monkeypatch):
    with frozen_server() as server:
        configure(tmp_path, server.url, monkeypatch, registered=LONG)
        world = World(server, tmp_path)
        full = {
            "action": "CreateSubmissionResponse",
            "success": False,
            "message": "Already reached maximum submission size",
        }
        server.say(CREATE, full, full, {"action": "x", "submissionId": world.drivers[0], "success": True})
        assert world.deferred().trigger.driver == world.drivers[0]


def test_a_permanent_failure_tells_the_steps_own_message_and_is_not_tried_again(world):
    waiting = world.deferred()
    assert world.drive(0, "permanent") == 64
    world.says(0, told("FAILED"))
    with pytest.raises(
        AirflowFailException, match=r"^step 'ingest' failed: ConfigError: the file sources/x.yaml is wrong: red$"
    ):
        world.resume(waiting)
    assert world.state.attempt is None


def test_a_driver_whose_store_is_away_is_followed_by_another_within_the_same_try(world, monkeypatch):
    pauses = []
    monkeypatch.setattr(outage, "sleep", pauses.append)
    waiting = world.deferred()
    assert world.drive(0, "passing") != 0
    world.says(0, told("FAILED"))
    with pytest.raises(TaskDeferred) as again:
        world.resume(waiting)
    assert again.value.trigger.driver == world.drivers[1]
    assert len(pauses) == 1


def test_any_other_failure_is_tried_again_with_a_driver_of_its_own(world):
    waiting = world.deferred()
    assert world.drive(0, "odd") != 0
    world.says(0, told("FAILED"))
    message = "ZeroDivisionError: division by zero"
    with pytest.raises(AirflowException, match=f"step 'ingest' failed: {message}") as caught:
        world.resume(waiting)
    assert not isinstance(caught.value, AirflowFailException)
    again = world.deferred(try_number=2)
    assert again.trigger.driver == world.drivers[1]


def test_want_of_memory_comes_with_a_hint_and_is_tried_once_more(world):
    for number, kind in enumerate((AirflowException, AirflowFailException)):
        waiting = world.deferred(try_number=number + 1)
        world.drive(number, "memory")
        world.says(number, told("FAILED"))
        with pytest.raises(AirflowException, match="MemoryError") as caught:
            world.resume(waiting, try_number=number + 1)
        assert type(caught.value) is kind
        assert "driver_memory" in str(caught.value)


def test_the_reason_of_an_older_try_is_not_told_as_this_ones(world):
    waiting = world.deferred()
    world.drive(0, "permanent")
    world.says(0, told("FAILED"))
    with pytest.raises(AirflowFailException):
        world.resume(waiting)
    waiting = world.deferred()
    world.says(1, told("FAILED"))
    with pytest.raises(AirflowException, match=r"ended as FAILED.*it left no reason") as caught:
        world.resume(waiting)
    assert not isinstance(caught.value, AirflowFailException)


def test_the_result_of_an_older_try_is_not_taken_for_this_ones(world, store):
    _put(store, "0" * 32, branch="old")
    waiting = world.deferred()
    world.says(0, told("FINISHED"))
    with pytest.raises(AirflowException, match="ended well, but the artifact store holds no result of it"):
        world.resume(waiting)


def test_a_driver_that_wrote_its_result_before_it_was_killed_has_done_its_work(world):
    waiting = world.deferred()
    world.drive(0, "audit_x")
    world.says(0, told("KILLED"))
    assert world.resume(waiting)["branch"] == "audit_x"


def test_a_driver_that_the_cluster_forgot_is_judged_by_the_result_it_leaves(mesos, store):
    waiting = mesos.deferred()
    _put(store, "0" * 32, branch="old")
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
        await asyncio.to_thread(_put, store, mesos.state.attempt["token"], branch="new")
        await following

    asyncio.run(both())
    assert event["ending"] == "missing"
    assert mesos.step().resume(mesos.context(), event)["branch"] == "new"


def test_a_driver_that_stays_forgotten_is_launched_again_by_the_retry(mesos, store):
    _put(store, "0" * 32, branch="old")
    waiting = mesos.deferred()
    mesos.says(0, unknown())
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, missing=timedelta(0))
    with pytest.raises(AirflowException, match=r"does not know driver .* and it left no result"):
        mesos.resume(waiting)
    assert mesos.deferred(try_number=2).trigger.driver == mesos.drivers[1]


def test_a_lost_driver_is_tried_again_though_it_may_be_running(mesos, store):
    waiting = mesos.deferred()
    mesos.says(0, lost())
    with pytest.raises(AirflowException, match="LOST on agent-1: health check timed out; it may be running") as caught:
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


def test_outages_of_the_cluster_are_sat_out(world):
    waiting = world.deferred()
    world.drive(0, "audit_x")
    starting = {"action": "x", "success": False, "message": "Exception: Current state is not alive: RECOVERING"}
    world.says(0, told("RUNNING"), None, starting, told("FINISHED"))
    assert world.resume(waiting)["branch"] == "audit_x"


def test_a_cluster_that_stays_away_leaves_the_driver_to_the_retry(world):
    waiting = world.deferred()
    world.says(0, None)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, deadline=past, outage=timedelta(0))
    with pytest.raises(AirflowException, match=r"did not answer for too long, .* the next try asks for it again"):
        world.resume(waiting)
    assert world.deferred(try_number=2).trigger.driver == world.drivers[0]
    assert world.server.count(CREATE) == 1


def test_a_driver_that_no_node_takes_is_taken_back_with_what_it_needs(world):
    waiting = world.deferred()
    kill = world.kills(0)
    world.says(0, told("SUBMITTED"), told("KILLED"))
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, queued=timedelta(0))
    with pytest.raises(AirflowException, match=r"no node took driver .* needs 1 cores and 4g .*first_executor_seconds"):
        world.resume(waiting)
    assert world.server.count(kill) == 1
    assert world.state.attempt is None


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
    with pytest.raises(AirflowException, match=rf"no node took driver .* within 180 s .*{cause}"):
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


def test_a_driver_that_runs_too_long_is_killed(world):
    waiting = world.deferred(world.step(execution_timeout=timedelta(seconds=0.01)))
    kill = world.kills(0)
    world.says(0, told("RUNNING"), told("RUNNING"), told("KILLED"))
    with pytest.raises(AirflowTaskTimeout, match="it ran longer than"):
        world.resume(waiting, execution_timeout=timedelta(seconds=0.01))
    assert world.server.count(kill) == 1


def test_a_wait_that_no_triggerer_ended_kills_the_driver(world):
    world.deferred(world.step(execution_timeout=timedelta(hours=1)))
    kill = world.kills(0)
    world.says(0, told("KILLED"))
    with pytest.raises(TaskDeferralTimeout):
        world.step().resume_execution("__fail__", {"error": "Trigger timeout"}, world.context())
    assert world.server.count(kill) == 1


class Clock:
    """The time of pauses, which take none of ours."""

    def __init__(self):
        self.pauses = []

    def monotonic(self):
        return sum(self.pauses)

    def sleep(self, seconds):
        self.pauses.append(seconds)


def test_a_kill_that_hangs_holds_nobody_up_and_is_said(world, monkeypatch, capsys):
    world.deferred()
    world.kills(0)
    world.says(0, told("RUNNING"))
    step = world.step(results=[{"x": 1}])
    step.script = world.folder / "other.py"
    step.script.write_text((world.folder / "ingest.py").read_text() + "# other\n")
    clock = Clock()
    monkeypatch.setattr(attempt, "time", clock)
    monkeypatch.setattr(cluster_step, "KILL_SECONDS", 30.0)
    waiting = world.deferred(step, try_number=2)
    # The pauses grow to ten seconds, and one more would be too long.
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert world.server.count(f"GET /v1/submissions/status/{world.drivers[0]}") == len(clock.pauses) + 1
    assert waiting.trigger.driver == world.drivers[1]
    assert (
        f"driver {world.drivers[0]} may be running still: it was asked to end, and is RUNNING"
        in capsys.readouterr().out
    )


def test_other_code_ends_the_driver_of_the_former_try_first(world):
    world.deferred()
    kill = world.kills(0)
    world.says(0, told("RUNNING"), told("KILLED"))
    step = world.step()
    step.script = world.folder / "other.py"
    step.script.write_text((world.folder / "ingest.py").read_text() + "# other\n")
    assert world.deferred(step, try_number=2).trigger.driver == world.drivers[1]
    assert world.server.count(kill) == 1


def test_clearing_a_waiting_task_kills_its_driver_and_the_next_try_launches_another(world, store):
    waiting = world.deferred()
    kill = world.kills(0)
    asyncio.run(waiting.trigger.on_kill())
    assert world.server.count(kill) == 1
    assert json.loads(store.get(attempt_key(*KEY)))["killed"] is True
    world.says(0, told("RUNNING"), told("KILLED"))
    assert world.deferred(try_number=2).trigger.driver == world.drivers[1]


def test_a_try_that_came_before_the_cleared_driver_had_ended_launches_another(world):
    world.deferred()
    world.kills(0)
    early = world.deferred(try_number=2)
    assert early.trigger.driver == world.drivers[0]
    asyncio.run(early.trigger.on_kill())
    world.says(0, told("KILLED"))
    with pytest.raises(TaskDeferred) as caught:
        world.resume(early, try_number=2)
    assert caught.value.trigger.driver == world.drivers[1]


def test_a_killed_driver_that_has_not_begun_does_not_begin(world):
    waiting = world.deferred()
    world.kills(0)
    asyncio.run(waiting.trigger.on_kill())
    assert world.drive(0, "audit_x") == 64


def test_marking_a_former_attempt_as_killed_leaves_the_newest_alone(world, store):
    former = world.deferred().trigger.notes
    newest = AttemptNotes(former.session, former.run_id, former.step, "f" * 32)
    newest.announce(store_environment())
    former.mark_killed(store_environment())
    assert json.loads(store.get(attempt_key(*KEY))) == {"attempt": "f" * 32}


def test_on_kill_in_the_worker_ends_the_driver_and_marks_it(world, monkeypatch, store):
    step = world.step()
    monkeypatch.setattr(cluster_step.ClusterStep, "_follow", lambda *_: {})
    step.execute(world.context())
    kill = world.kills(0)
    world.says(0, told("KILLED"))
    step.on_kill()
    assert world.server.count(kill) == 1
    assert json.loads(store.get(attempt_key(*KEY)))["killed"] is True


def test_on_kill_before_anything_was_launched_does_nothing(world):
    world.step().on_kill()
    assert world.server.requests == []


def test_hostile_inputs_reach_the_driver_as_they_are(world):
    step = world.step()
    step.run = RUN | {"run_id": "manual__x"}
    step.step = "validate"
    step.results = [{"branch": "$(touch /tmp/owned) `id`\n{{ ds }}"}]
    world.deferred(step)
    arguments = world.created()[0]["appArgs"]
    seen = unpacked(arguments[arguments.index("{{USER_JAR}}") + 1 :])
    assert json.loads(seen[seen.index("--inputs") + 1]) == {"branch": "$(touch /tmp/owned) `id`\n{{ ds }}"}


def test_a_share_in_s3_is_written_once_and_named_by_content(world, store, tmp_path):
    script = tmp_path / "step.py"
    script.write_text("x = 1\n")
    share = f"s3a://{store.bucket}/share"
    first = placed(share, {"script": script}, store_environment())["script"]
    key = first.removeprefix(f"s3a://{store.bucket}/")
    _, etag = store.get_with_etag(key)
    assert placed(share, {"script": script}, store_environment()) == {"script": first}
    assert store.get_with_etag(key) == (b"x = 1\n", etag)
    script.write_text("x = 2\n")
    assert placed(share, {"script": script}, store_environment())["script"] != first
