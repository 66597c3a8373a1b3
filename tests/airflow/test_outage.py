"""A step whose store is away is begun again up to the deadline of its run, then fails with what to do."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.airflow import outage
from afterbell.airflow.outage import StoreAwayError, wait_for_stores
from afterbell.airflow.results import failure_of, reason_in
from afterbell.errors import StoreFullError, StoreUnavailableError
from afterbell.run.contracts.notes import StepFailure
from afterbell.run.contracts.opened import OpenedRun

BELL = datetime(2016, 6, 30, 20, tzinfo=UTC)
DEADLINE = BELL + timedelta(hours=2)
RUN = OpenedRun(session=date(2016, 6, 30), run_id="r", deadline=DEADLINE, origin="manual")
LOG = logging.getLogger(__name__)


class Clock:
    """Stands still but for the pauses."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch):
    found = Clock(BELL)
    monkeypatch.setattr(outage, "now", found.now)
    monkeypatch.setattr(outage, "sleep", found.sleep)
    return found


def away_for(clock, minutes, error):
    began = clock.now()

    def work():
        if clock.now() < began + timedelta(minutes=minutes):
            raise error
        return {"rows": 7}

    return work


@pytest.mark.parametrize(
    "error",
    [
        StoreAwayError("step 'train' failed: StoreUnavailableError: s3 is away"),
        StoreUnavailableError("s3://artifacts/runs at http://s3: no connection"),
        StoreFullError("a disk is full"),
    ],
    ids=["the driver says so", "the operator sees it", "no room"],
)
@pytest.mark.parametrize("minutes", [0.1, 1, 100])
def test_a_store_that_comes_back_before_the_deadline_costs_a_pause_and_no_try(clock, error, minutes):
    assert wait_for_stores(RUN, "train", LOG, away_for(clock, minutes, error)) == {"rows": 7}
    assert clock.now() < BELL + timedelta(minutes=minutes + 1)  # it is asked at least once a minute


def test_a_store_that_is_away_until_the_deadline_fails_the_step_for_good_with_what_to_do(clock):
    error = StoreAwayError("step 'train' failed: StoreUnavailableError: s3://artifacts/x at http://s3: no connection")
    with pytest.raises(AirflowFailException) as caught:
        wait_for_stores(RUN, "train", LOG, away_for(clock, 600, error))
    told = str(caught.value)
    assert told.startswith("step 'train' failed: StoreUnavailableError: s3://artifacts/x at http://s3: no connection")
    assert "since 2016-06-30 20:00:00 UTC, up to the deadline 2016-06-30 22:00:00 UTC" in told
    assert "./afterbell doctor" in told
    assert "run the session again" in told
    assert DEADLINE - timedelta(minutes=1) <= clock.now() <= DEADLINE


def test_past_the_deadline_nothing_is_waited_for_and_the_tasks_own_retries_apply(clock):
    clock.at = DEADLINE
    with pytest.raises(AirflowException) as caught:
        wait_for_stores(RUN, "score", LOG, away_for(clock, 600, StoreAwayError("away")))
    assert not isinstance(caught.value, AirflowFailException)
    assert clock.pauses == []


@pytest.mark.parametrize("error", [AirflowFailException("ConfigError: no"), AirflowException("odd"), ValueError("x")])
def test_another_failure_is_not_waited_for(clock, error):
    with pytest.raises(type(error)) as caught:
        wait_for_stores(RUN, "train", LOG, away_for(clock, 600, error))
    assert caught.value is error
    assert clock.pauses == []


def test_what_comes_after_the_first_try_may_be_another_thing(clock):
    def judge():
        raise StoreAwayError("the driver's store was away")

    assert wait_for_stores(RUN, "train", LOG, judge, lambda: "launched anew") == "launched anew"


STATUS = "Cannot execute: spark-submit train.py. Error code is: 1.\nLast output:\n"


@pytest.mark.parametrize("kind", ["StoreUnavailableError", "StoreFullError", "UnknownOutcomeError"])
def test_a_drivers_log_says_that_its_store_is_away(kind):
    log = f"{STATUS}26/11/21 05:07:38 WARN x: y\ntrain: {kind}: s3://artifacts/x: no answer"
    found = failure_of("train", AirflowException(log), attempt=2)
    assert isinstance(found, StoreAwayError)
    assert str(found) == f"step 'train' failed: {kind}: s3://artifacts/x: no answer"
    assert reason_in(log, "train") == StepFailure(kind=kind, message="s3://artifacts/x: no answer", permanent=False)


@pytest.mark.parametrize(
    "line", ["train: ObjectChangedError: read again", "ingest: StoreUnavailableError: another step", "a line"]
)
def test_a_drivers_log_that_says_something_else_is_no_outage(line):
    assert not isinstance(failure_of("train", AirflowException(STATUS + line)), StoreAwayError)
