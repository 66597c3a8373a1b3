"""How long a driver is waited for: by a clock that the tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from afterbell.cluster.driver_status import DriverState, DriverStatus
from afterbell.cluster.driver_watch import DriverLimits, DriverWatch, Ending

T0 = datetime(2026, 6, 30, 20, tzinfo=UTC)
RUNNING, QUEUED, NOT_FOUND = (DriverStatus(DriverState[name]) for name in ("RUNNING", "QUEUED", "NOT_FOUND"))


def at(minutes):
    return T0 + timedelta(minutes=minutes)


def watch(**more):
    return DriverWatch(DriverLimits(began=T0, deadline=at(60), **more))


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "KILLED", "LOST"])
def test_a_driver_that_ended_is_over_at_once(state):
    found = watch()
    assert found.saw(DriverStatus(DriverState[state], "why"), at(1)) is Ending.OVER
    assert found.status == DriverStatus(DriverState[state], "why")


def test_a_running_driver_is_waited_for_past_the_deadline_of_the_run():
    found = watch()
    assert [found.saw(RUNNING, at(minutes)) for minutes in (1, 59, 61, 600)] == [None] * 4


def test_a_driver_that_no_node_takes_is_given_up():
    found = watch(queued=timedelta(minutes=3))
    assert found.saw(QUEUED, at(2.9)) is None
    assert found.saw(QUEUED, at(3)) is Ending.UNSTARTED


def test_a_driver_that_has_run_may_queue_again():
    found = watch(queued=timedelta(minutes=3))
    found.saw(RUNNING, at(1))
    assert found.saw(DriverStatus(DriverState.RETRYING), at(5)) is None
    assert found.saw(QUEUED, at(10)) is None


def test_a_driver_whose_time_is_up_is_ended_whether_the_cluster_answers_or_not():
    assert watch(overtime=at(30)).saw(RUNNING, at(30)) is Ending.OVERTIME
    assert watch(overtime=at(30)).missed(at(30)) is Ending.OVERTIME
    assert watch(overtime=at(30)).saw(NOT_FOUND, at(30)) is Ending.OVERTIME
    assert watch(overtime=at(30)).saw(RUNNING, at(29)) is None


def test_an_outage_is_sat_out_until_the_deadline():
    found = watch()
    assert [found.missed(at(minutes)) for minutes in (1, 30, 59)] == [None] * 3
    assert found.missed(at(60)) is Ending.UNREACHABLE


def test_an_outage_after_the_deadline_is_sat_out_for_a_while_all_the_same():
    found = watch(outage=timedelta(minutes=10))
    assert found.missed(at(61)) is None
    assert found.missed(at(70)) is None
    assert found.missed(at(71)) is Ending.UNREACHABLE


def test_two_short_outages_are_not_one_long_one():
    found = watch(outage=timedelta(minutes=10))
    found.missed(at(61))
    assert found.saw(RUNNING, at(70)) is None
    assert found.missed(at(72)) is None


def test_the_result_of_a_driver_that_the_cluster_forgot_is_waited_for():
    found = watch(missing=timedelta(minutes=20))
    found.saw(RUNNING, at(1))
    assert found.saw(NOT_FOUND, at(5)) is None
    assert found.absent
    assert found.saw(NOT_FOUND, at(24)) is None
    assert found.saw(NOT_FOUND, at(25)) is Ending.MISSING
    assert found.status == RUNNING


def test_a_driver_that_is_found_again_is_followed_on():
    found = watch(missing=timedelta(minutes=20))
    found.saw(NOT_FOUND, at(5))
    found.saw(RUNNING, at(10))
    assert not found.absent
    assert found.saw(NOT_FOUND, at(26)) is None


@pytest.mark.parametrize(("minutes", "seconds"), [(0, 1), (0.1, 1), (1, 3), (4, 12), (60, 15)])
def test_looks_grow_rarer_the_longer_the_wait(minutes, seconds):
    assert watch().pause(at(minutes)) == pytest.approx(seconds)


def test_limits_survive_being_stored():
    limits = DriverLimits(T0, at(60), at(30), timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3))
    assert DriverLimits.from_json(limits.to_json()) == limits
    assert DriverLimits.from_json(DriverLimits(T0, at(60)).to_json()) == DriverLimits(T0, at(60))
