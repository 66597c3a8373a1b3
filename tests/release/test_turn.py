"""From judging to publishing runs take turns: the next waits, and nobody for good. Against a real S3."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from afterbell.release import turn
from afterbell.release.turn import KEY, Turn, give_back_turn, take_turn
from tests.patience import LONG

pytestmark = pytest.mark.services


LATER = datetime(2099, 1, 1, tzinfo=UTC)


def whose(store):
    return Turn.model_validate_json(store.get(KEY)).run_id


def nobody_is_waited_for(told):
    raise AssertionError(told)


def test_the_next_run_waits_until_the_turn_is_given_back_and_says_for_whom(store):
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    waits, told = threading.Event(), []

    def tell(text):
        told.append(text)
        waits.set()

    other = threading.Thread(target=take_turn, args=(store, "run-2", LATER, tell))
    other.start()
    assert waits.wait(LONG)
    assert whose(store) == "run-1"
    give_back_turn(store, "run-2")  # has none yet
    assert whose(store) == "run-1"
    give_back_turn(store, "run-1")
    other.join(LONG)
    assert whose(store) == "run-2"
    assert len(told) == 1
    assert "waiting until run run-1 has published" in told[0]


def test_another_try_of_the_same_run_does_not_wait(store):
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    give_back_turn(store, "run-1")
    give_back_turn(store, "run-1")
    assert not store.exists(KEY)


@pytest.mark.parametrize(
    "body",
    [
        Turn(run_id="a run that died", until=datetime.now(UTC) - timedelta(seconds=1)).model_dump_json().encode(),
        b"not a turn",
        b"",
    ],
    ids=["over", "garbage", "empty"],
)
def test_a_turn_that_is_over_or_none_is_taken(store, body):
    store.put(KEY, body)
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    assert whose(store) == "run-1"


def test_whoever_waited_for_a_whole_lease_goes_on_without_a_turn(store, monkeypatch):
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    monkeypatch.setattr(turn, "LEASE", timedelta(milliseconds=100))
    told = []
    take_turn(store, "run-2", LATER, told.append)
    assert told
    assert whose(store) == "run-1"


def test_nobody_waits_beyond_the_deadline(store):
    take_turn(store, "run-1", LATER, nobody_is_waited_for)
    take_turn(store, "run-2", datetime.now(UTC) - timedelta(hours=1), nobody_is_waited_for)
    assert whose(store) == "run-1"
