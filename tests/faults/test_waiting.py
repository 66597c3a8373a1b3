"""Rows 1, 2, 3 and 5: drops that are late or never come, days without a session, half days. Against a real S3.

How the wait leaves its worker slot is Airflow's side: ``tests/airflow/test_await_drops.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import boto3
import pytest

from afterbell.airflow.arrivals import cut_off, look, outstanding, stores_of
from afterbell.calendar.sessions import Exchange
from afterbell.errors import NotASessionError
from afterbell.sla.deadline import deadline_for
from afterbell.sources.source import Source, load_source
from tests.conftest import Services
from tests.faults.conftest import SLOW_DOWN, Stage
from tests.faults.proxy import FOR_EVER, Answer

pytestmark = pytest.mark.services
SESSION = date(2016, 6, 30)  # the closing bell rings at 16:00 in New York, 20:00 UTC
CUT_OFF = datetime(2016, 6, 30, 21, 15, tzinfo=UTC)  # 75 minutes later
HALF_DAY = date(2016, 11, 25)  # the day after Thanksgiving: 13:00 in New York, 18:00 UTC
HOLIDAY = date(2016, 7, 4)
KEY = "prices/2016/20160630.csv.gz"


@pytest.fixture
def prices() -> Source:
    found = load_source("us_daily_prices").model_dump()
    return Source.model_validate(found | {"arrival": {"cut_off_minutes": 75, "late": "fail", "poll_seconds": 30}})


@pytest.fixture
def feed(stage: Stage, services: Services) -> Iterator[Stage]:
    """The feed's bucket without that drop, before and after."""
    client = boto3.client("s3", endpoint_url=stage.direct.s3.endpoint, region_name="us-east-1")
    client.delete_object(Bucket="faults-feed", Key=KEY)
    yield stage
    client.delete_object(Bucket="faults-feed", Key=KEY)


def waiting(stage: Stage, services: Services, source: Source, at: datetime) -> tuple[list[str], list[str], str]:
    """What is still waited for at ``at``, what has arrived, and what is wrong with the store."""
    env = services.env | stage.through.to_env()
    (seen,) = look([source], SESSION, stores_of(env), at)
    return [found.name for found in outstanding([source], [seen], SESSION, at)], list(seen.complete), seen.trouble


def test_row_01_a_late_drop_is_waited_for_up_to_the_cut_off_of_its_source(
    feed: Stage, services: Services, prices: Source
) -> None:
    assert cut_off(prices, SESSION) == CUT_OFF
    early, late = CUT_OFF - timedelta(seconds=1), CUT_OFF
    assert waiting(feed, services, prices, early) == (["us_daily_prices"], [], "")
    assert waiting(feed, services, prices, late) == ([], [], "")


def test_row_01_a_drop_that_comes_ends_the_wait(feed: Stage, services: Services, prices: Source) -> None:
    feed.s3_drops().put(KEY, b"x")
    assert waiting(feed, services, prices, CUT_OFF - timedelta(minutes=30)) == ([], [KEY], "")


def test_row_01_a_store_that_does_not_answer_does_not_end_the_wait(
    feed: Stage, services: Services, prices: Source
) -> None:
    feed.s3.on("list-type", Answer(503, SLOW_DOWN), times=FOR_EVER)
    still, arrived, trouble = waiting(feed, services, prices, CUT_OFF - timedelta(minutes=30))
    assert (still, arrived) == (["us_daily_prices"], [])
    assert "SlowDown" in trouble


def test_row_03_a_day_without_a_session_is_none_of_the_calendars(prices: Source) -> None:
    week = [date(2016, 7, day) for day in range(1, 7)]
    exchange = Exchange("XNYS")
    assert [day.day for day in week if exchange.is_session(day)] == [1, 5, 6]
    with pytest.raises(NotASessionError, match=r"2016-07-04 \(Monday\) is not a session"):
        cut_off(prices, HOLIDAY)


def test_row_05_on_a_half_day_the_cut_off_and_the_deadline_are_earlier(prices: Source) -> None:
    assert cut_off(prices, HALF_DAY) == datetime(2016, 11, 25, 19, 15, tzinfo=UTC)
    started = datetime(2016, 11, 25, 18, 30, tzinfo=UTC)
    assert deadline_for(Exchange("XNYS"), HALF_DAY, started).at == datetime(2016, 11, 25, 20, 0, tzinfo=UTC)
    assert prices.knowledge_time(HALF_DAY) == datetime(2016, 11, 25, 18, 30, tzinfo=UTC)
