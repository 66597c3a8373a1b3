"""A step whose driver runs on the cluster: launched once, and taken up by the retry after a crash."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
)

from afterbell.airflow import cluster_step
from afterbell.airflow.connections import store_environment
from afterbell.cluster.packed import unpacked
from afterbell.cluster.share import placed
from afterbell.run.contracts.base import Result
from afterbell.run.job import failure_key, result_key
from tests.airflow.rest_fixtures import KEY, connected, store, world
from tests.airflow.rest_world import CREATE, RUN, World, configure, told
from tests.cluster.rest_server import frozen_server
from tests.patience import LONG

__all__ = ["connected", "store", "world"]  # fixtures

pytestmark = pytest.mark.services


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
    monkeypatch.setattr(cluster_step.ClusterStep, "_follow", lambda *_: seen.append(world.state.attempt) or Result())
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
        AirflowException, match=r"may or may not have been launched.*If two drivers of a step run, only one"
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
