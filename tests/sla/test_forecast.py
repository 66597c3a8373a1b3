"""Forecasts by hand: the deadline is 22:00, and every step takes ten minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from afterbell.sla.budgets import Budgets
from afterbell.sla.forecast import fitting, forecast, over_budget
from afterbell.sla.policy import TIMED, Measure

DEADLINE = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)
BUDGETS = Budgets(dict.fromkeys(TIMED, 600.0), 300.0, {})
FOLDS, RIDGE = Measure(folds=2, saves=0.5), Measure(families=("ridge",), saves=0.2)


def at(hour, minute):
    return datetime(2016, 6, 30, hour, minute, tzinfo=UTC)


def test_the_steps_that_remain_are_added_up():
    # At the start of train four steps remain: train, evaluate, publish, score.
    found = forecast(BUDGETS, "train", at(21, 3), DEADLINE, done=False)
    assert found.finish == at(21, 43)
    assert found.slack == timedelta(minutes=17)
    assert found.summary == "forecast: finish 21:43 UTC, 17 min before the deadline"
    assert found.entry(done=False).to_json() == {
        "done": False,
        "at": "2016-06-30T21:03:00+00:00", "step": "train", "finish": "2016-06-30T21:43:00+00:00", "slack": 1020.0,
    }  # fmt: skip


def test_a_step_that_has_ended_no_longer_counts():
    assert forecast(BUDGETS, "train", at(21, 3), DEADLINE, done=True).finish == at(21, 33)
    assert forecast(BUDGETS, "score", at(21, 3), DEADLINE, done=True).finish == at(21, 3)


def test_a_miss_is_said_as_one():
    found = forecast(BUDGETS, "train", at(21, 45), DEADLINE, done=False)
    assert found.summary == "forecast: finish 22:25 UTC, 25 min after the deadline"
    assert not found.fits


@pytest.mark.parametrize(("minute", "fits"), [(15, True), (16, False)])
def test_the_reserve_has_to_stay_free(minute, fits):
    # 21:15 + 40 min = 21:55, which leaves just the five minutes of the reserve.
    assert forecast(BUDGETS, "train", at(21, minute), DEADLINE, done=False).fits is fits


def test_work_begins_when_the_drops_are_due_and_not_before():
    found = forecast(BUDGETS, "score", at(20, 0), DEADLINE, done=False, begins=at(20, 30))
    assert found.finish == at(20, 40)


@pytest.mark.parametrize(
    ("minute", "taken", "finish"),
    [
        (10, (), (21, 50)),
        (18, (FOLDS,), (21, 53)),  # 5 + 30 minutes
        (21, (FOLDS, RIDGE), (21, 55)),  # 10 min * 0.5 * 0.8 = 4 min
        (40, (FOLDS, RIDGE), (22, 14)),  # nothing helps: all is left out
    ],
)
def test_as_little_as_it_takes_is_left_out_in_the_order_of_the_policy(minute, taken, finish):
    found = fitting(BUDGETS, "train", at(21, minute), DEADLINE, (FOLDS, RIDGE))
    assert (found.left_out, found.finish) == (taken, at(*finish))


def test_what_is_left_out_is_said():
    found = fitting(BUDGETS, "train", at(21, 21), DEADLINE, (FOLDS, RIDGE))
    assert found.summary.endswith("5 min before the deadline; left out by policy: folds but the newest 2; ridge")


def test_a_step_before_says_what_training_would_leave_out():
    found = fitting(BUDGETS, "validate", at(20, 58), DEADLINE, (FOLDS, RIDGE))
    assert (found.left_out, found.finish) == ((FOLDS,), at(21, 53))


def test_once_training_is_over_nothing_is_left_out():
    assert fitting(BUDGETS, "evaluate", at(21, 50), DEADLINE, (FOLDS, RIDGE)).left_out == ()


def test_stages_over_their_budgets_are_told_by_how_much():
    assert over_budget(BUDGETS, {"train": 900.0, "ingest": 600.0, "features": 601.5}) == {"features": 1.5, "train": 300}
