"""The plan that fills holes: what is missing and what must be read for it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from afterbell.features.holes import HolePlan, plan_holes

DAYS = [date(2016, 1, 1) + timedelta(days=n) for n in range(40)]


def plan_of(due: list[int], done: list[int], depth: int = 3) -> HolePlan | None:
    return plan_holes(DAYS, [DAYS[n] for n in due], [DAYS[n] for n in done], depth)


def test_nothing_missing_is_no_plan() -> None:
    assert plan_of([5, 6], [4, 5, 6]) is None


def test_nothing_due_is_no_plan() -> None:
    assert plan_of([], [1]) is None


def test_one_new_session_reads_its_look_back_only() -> None:
    found = plan_of([10, 11, 12], [10, 11])
    assert found is not None
    assert found.holes == (DAYS[12],)
    assert found.ranges == ((DAYS[9], DAYS[12]),)
    assert found.sessions == tuple(DAYS[9:13])
    assert found.read == 4


@pytest.mark.parametrize(
    ("due", "ranges"),
    [
        ([10, 13], [(7, 13)]),
        ([10, 14], [(7, 14)]),
        ([10, 15], [(7, 10), (12, 15)]),
    ],
    ids=["look-backs that overlap", "that touch", "that lie apart"],
)
def test_look_backs_are_joined_where_they_meet(due: list[int], ranges: list[tuple[int, int]]) -> None:
    found = plan_of(due, [])
    assert found is not None
    assert found.ranges == tuple((DAYS[first], DAYS[last]) for first, last in ranges)
    assert found.holes == tuple(DAYS[n] for n in due)


def test_sessions_stored_but_no_longer_due_are_let_be() -> None:
    found = plan_of([12], [30, 31])
    assert found is not None
    assert found.holes == (DAYS[12],)
