"""A driver on the cluster is judged by what it left behind: a result, a reason, or neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    TaskDeferred,
)

from afterbell.airflow import cluster_step, outage
from tests.airflow.rest_fixtures import connected, put_result, store, world
from tests.airflow.rest_world import CREATE, told

__all__ = ["connected", "store", "world"]  # fixtures

pytestmark = pytest.mark.services


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
    with pytest.raises(AirflowException, match=r"ended as FAILED.*it recorded no reason") as caught:
        world.resume(waiting)
    assert not isinstance(caught.value, AirflowFailException)


def test_the_result_of_an_older_try_is_not_taken_for_this_ones(world, store):
    put_result(store, "0" * 32, branch="old")
    waiting = world.deferred()
    world.says(0, told("FINISHED"))
    with pytest.raises(AirflowException, match="succeeded, but its result is not in the artifact store"):
        world.resume(waiting)


def test_a_driver_that_wrote_its_result_before_it_was_killed_has_done_its_work(world):
    waiting = world.deferred()
    world.drive(0, "audit_x")
    world.says(0, told("KILLED"))
    assert world.resume(waiting)["branch"] == "audit_x"


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
    with pytest.raises(AirflowException, match=r"did not answer within the limit, .* next try reads its status"):
        world.resume(waiting)
    assert world.deferred(try_number=2).trigger.driver == world.drivers[0]
    assert world.server.count(CREATE) == 1


def test_a_driver_that_no_node_takes_is_taken_back_with_what_it_needs(world):
    waiting = world.deferred()
    kill = world.kills(0)
    world.says(0, told("SUBMITTED"), told("KILLED"))
    waiting.trigger.limits = cluster_step.replace(waiting.trigger.limits, queued=timedelta(0))
    with pytest.raises(AirflowException, match=r"no node accepted driver .* needs 1 cores and 4g .*first_executor_s"):
        world.resume(waiting)
    assert world.server.count(kill) == 1
    assert world.state.attempt is None
