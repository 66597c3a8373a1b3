"""When waiting for a cluster is given up: a look a second, at instants that the tests name."""

import pytest

from afterbell.cluster.executor_timeout import DriverView, ExecutorLimits, ExecutorPatience

LIMITS = ExecutorLimits(registered=60, first_executor=180)
NOT_UP, NONE, BUSY = DriverView(up=False), DriverView(up=True), DriverView(up=True, busy=True)
SERVED, WORKING = DriverView(up=True, executors=2), DriverView(up=True, executors=2, busy=True)


def _judge(*looks, eager=True):
    patience = ExecutorPatience(LIMITS, began=100, eager=eager)
    return [patience.look(100 + at, view) for at, view in looks]


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        ([(59, NOT_UP)], "wait"),
        ([(60, NOT_UP)], "not accepted"),
        ([(59, NOT_UP), (70, NONE)], "wait"),
        ([(10, NONE), (189, NONE)], "wait"),
        ([(10, NONE), (190, NONE)], "no executor"),
        ([(10, NONE), (189, SERVED), (900, SERVED)], "wait"),
        ([(10, SERVED), (20, NONE), (900, NONE)], "wait"),  # nobody needs one
        ([(10, WORKING), (20, BUSY), (199, BUSY)], "wait"),
        ([(10, WORKING), (20, BUSY), (200, BUSY)], "executors lost"),
        ([(10, WORKING), (20, BUSY), (100, WORKING), (110, BUSY), (289, BUSY)], "wait"),  # the count begins anew
        ([(10, WORKING), (20, BUSY), (100, WORKING), (110, BUSY), (290, BUSY)], "executors lost"),
    ],
)
def test_the_limits_count_from_the_first_look_that_found_nothing(looks, last):
    found = _judge(*looks)
    assert found[-1] == last
    assert set(found[:-1]) <= {"wait"}


def test_executors_that_come_by_need_are_missed_only_once_a_job_needs_them():
    assert _judge((10, NONE), (900, NONE), eager=False) == ["wait", "wait"]
    assert _judge((10, NONE), (900, BUSY), (1080, BUSY), eager=False) == ["wait", "wait", "no executor"]
