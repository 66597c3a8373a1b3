"""A driver on the cluster ends when its task does: by a limit, by other code, by clearing, by on_kill."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import (
    AirflowTaskTimeout,
    TaskDeferralTimeout,
    TaskDeferred,
)

from afterbell.airflow import attempt, cluster_step
from afterbell.airflow.connections import store_environment
from afterbell.airflow.results import AttemptNotes
from afterbell.run.contracts.base import Result
from afterbell.run.job import attempt_key
from tests.airflow.rest_fixtures import KEY, connected, store, world
from tests.airflow.rest_world import told

__all__ = ["connected", "store", "world"]  # fixtures

pytestmark = pytest.mark.services


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
        f"driver {world.drivers[0]} may still be running: it was asked to end, and is RUNNING"
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
    monkeypatch.setattr(cluster_step.ClusterStep, "_follow", lambda *_: Result())
    step.execute(world.context())
    kill = world.kills(0)
    world.says(0, told("KILLED"))
    step.on_kill()
    assert world.server.count(kill) == 1
    assert json.loads(store.get(attempt_key(*KEY)))["killed"] is True


def test_on_kill_before_anything_was_launched_does_nothing(world):
    world.step().on_kill()
    assert world.server.requests == []
