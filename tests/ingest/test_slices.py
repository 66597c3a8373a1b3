"""How a run's objects are shared out among tasks, by hand."""

from __future__ import annotations

from datetime import date

import pytest

from afterbell.ingest.plan import DropTask
from afterbell.ingest.slices import DropSlice, share_out
from afterbell.sources.source import Kind

JUNE, JULY = date(2016, 6, 1), date(2016, 7, 1)


def task(day: date, *carried: date, source: str = "prices", size: int = 100, key: str = "") -> DropTask:
    return DropTask(source, "s3", key or f"{source}/{day}", size, "v", day, carried or (day,), None, "", False, "")


def shared(kind: Kind, *tasks: DropTask) -> dict[date | None, DropSlice]:
    return {work.bucket: work for work in share_out(tasks, {"prices": kind})}


def test_the_first_drop_of_a_month_is_read_by_both_months_and_reported_by_its_own() -> None:
    last, first = task(date(2016, 6, 30), date(2016, 6, 30), date(2016, 6, 29)), task(JULY, JULY, date(2016, 6, 30))
    found = shared("bars", first, last)
    assert found[JUNE].tasks == (last, first)
    assert found[JUNE].own == {0}
    assert (found[JULY].tasks, found[JULY].own) == ((first,), {0})


def test_minutes_are_numbered_a_session_at_a_time() -> None:
    assert set(shared("minute_bars", task(JUNE), task(JULY))) == {JUNE, JULY}


def test_a_drop_of_no_session_is_reported_by_the_month_of_its_name() -> None:
    holiday = DropTask("prices", "s3", "k", 1, "v", date(2016, 7, 4), (), None, "", False, "not a session")
    assert shared("bars", holiday)[JULY].own == {0}


@pytest.mark.parametrize("kind", ["filings", "symbols"])
def test_small_kinds_are_read_in_chunks_without_a_bucket(kind: Kind) -> None:
    many = [task(JUNE, key=f"k{number:03d}") for number in range(300)]
    found = share_out(many, {"prices": kind})
    assert [len(work.tasks) for work in found] == [128, 128, 44]
    assert {work.bucket for work in found} == {None}
    assert sum(len(work.own) for work in found) == 300


def test_the_most_work_comes_first() -> None:
    found = share_out([task(JUNE, size=1), task(JULY, size=9)], {"prices": "bars"})
    assert [work.bucket for work in found] == [JULY, JUNE]
