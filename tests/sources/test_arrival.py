"""Which objects of a listing are whole: by their being there, by a marker, by having been left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from afterbell.sources.arrival import complete, unfinished
from afterbell.sources.source import Source, load_source
from afterbell.sources.terms import Arrival, Completion
from afterbell.stores.protocols import StoredObject

NOW = datetime(2016, 6, 30, 21, 0, tzinfo=UTC)
DROP, OTHER = "prices/2016/20160630.csv.gz", "prices/2016/20160629.csv.gz"
PARTS = r"minutes/dt=(?P<session>\d{4}-\d{2}-\d{2})/part-\d+\.parquet"


def source(**completion: object) -> Source:
    return Source.model_validate(load_source("us_daily_prices").model_dump() | {"completion": completion})


def of_parts(**completion: object) -> Source:
    names = {"key_pattern": PARTS, "session_format": "%Y-%m-%d", "prefix": "minutes/"}
    return Source.model_validate(source(**completion).model_dump() | names)


def there(key: str, age: float | None = 600.0) -> StoredObject:
    return StoredObject("s3", key, 7, "v1", None if age is None else NOW - timedelta(seconds=age))


def kept(source: Source, *found: StoredObject) -> list[str]:
    return [each.key for each in complete(source, list(found), NOW)]


def test_an_atomic_store_shows_only_whole_objects() -> None:
    assert kept(source(rule="atomic"), there(OTHER), there(DROP, None)) == [OTHER, DROP]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ([there(DROP)], []),
        ([there(DROP), there(DROP + ".done")], [DROP]),
        ([there(OTHER), there(DROP), there(DROP + ".done")], [DROP]),
        ([there(DROP + ".done")], []),
        ([there(DROP, 10), there(DROP + ".done", 600)], []),  # the marker of a delivery before this one
        ([there(DROP, 600), there(DROP + ".done", 600)], [DROP]),
        ([there(DROP, None), there(DROP + ".done", None)], [DROP]),
        ([there("prices/README.txt")], ["prices/README.txt"]),
    ],
)
def test_a_marker_beside_it_makes_an_object_whole(listing: list[StoredObject], expected: list[str]) -> None:
    assert kept(source(rule="marker", suffix=".done"), *listing) == expected


def test_one_marker_can_stand_for_all_parts_of_a_session() -> None:
    first, second = "minutes/dt=2016-06-29/", "minutes/dt=2016-06-30/"
    keys = [f"{first}part-0.parquet", f"{first}part-1.parquet", f"{first}_SUCCESS", f"{second}part-0.parquet"]
    found = kept(of_parts(rule="marker", marker="_SUCCESS"), *[there(key) for key in keys])
    assert found == keys[:2]


def reasons(source: Source, *found: StoredObject) -> dict[str, str]:
    return unfinished(source, list(found), NOW)


def test_a_part_that_is_newer_than_the_marker_of_its_folder_is_named_with_both_times() -> None:
    folder = "minutes/dt=2016-06-30/"
    old, new, marker = (
        there(f"{folder}part-0.parquet"),
        there(f"{folder}part-1.parquet", 9),
        there(f"{folder}_SUCCESS", 10),
    )
    assert reasons(of_parts(rule="marker", marker="_SUCCESS"), old, new, marker) == {
        new.key: "minutes/dt=2016-06-30/part-1.parquet, written at 2016-06-30 20:59:51 UTC, is newer than its marker "
        "minutes/dt=2016-06-30/_SUCCESS, written at 2016-06-30 20:59:50 UTC: write the marker after the last object"
    }


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ([there(DROP)], f"its marker {DROP}.done is not there"),
        (
            [there(DROP, 10), there(DROP + ".done", 11)],
            f"is newer than its marker {DROP}.done, written at 2016-06-30 20:59:49",
        ),
    ],
)
def test_an_object_without_its_marker_says_what_is_missing(listing: list[StoredObject], reason: str) -> None:
    ((key, told),) = reasons(source(rule="marker", suffix=".done"), *listing).items()
    assert (key, reason in told) == (DROP, True)


def test_a_session_that_has_not_settled_names_the_object_that_was_written_last() -> None:
    first, late = "minutes/dt=2016-06-30/part-0.parquet", "minutes/dt=2016-06-30/part-1.parquet"
    told = reasons(of_parts(rule="settled", seconds=60), there(first), there(late, 10))
    words = f"{late} was written at 2016-06-30 20:59:50 UTC, and must be left alone for 60 s"
    assert told == {first: words, late: words}


def test_whole_objects_have_no_reason_to_wait() -> None:
    assert reasons(source(rule="atomic"), there(DROP)) == {}
    assert reasons(source(rule="marker", suffix=".done"), there(DROP), there(DROP + ".done"), there("prices/x")) == {}


@pytest.mark.parametrize(("age", "whole"), [(61, True), (60, True), (59, False), (-5, False), (None, False)])
def test_an_object_has_settled_when_it_was_left_alone(age: float | None, whole: bool) -> None:
    assert kept(source(rule="settled", seconds=60), there(DROP, age)) == ([DROP] if whole else [])


def test_a_session_has_settled_when_all_its_parts_have() -> None:
    first, second = "minutes/dt=2016-06-29/part-0.parquet", "minutes/dt=2016-06-30/part-0.parquet"
    late = second.replace("-0.", "-1.")
    rule = of_parts(rule="settled", seconds=60)
    assert kept(rule, there(first), there(second), there(late, 10)) == [first]
    assert kept(rule, there(first), there(second), there(late, 70)) == [first, second, late]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "marker"},
        {"rule": "marker", "suffix": ".done", "marker": "_SUCCESS"},
        {"rule": "marker", "suffix": "/../x"},
        {"rule": "settled"},
        {"rule": "settled", "seconds": 60, "suffix": ".done"},
        {"rule": "atomic", "seconds": 60},
        {"rule": "exists"},
    ],
)
def test_a_rule_of_completion_needs_what_is_its_own(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Completion.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"cut_off_minutes": 121}, {"cut_off_minutes": 0}, {"late": "ignore"}])
def test_a_cut_off_lies_within_the_two_hours_after_the_close(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Arrival.model_validate(wrong)


def test_a_required_source_cannot_go_on_without_its_drop() -> None:
    with pytest.raises(ValidationError, match=r"arrival\.late: fail"):
        Source.model_validate(load_source("us_daily_prices").model_dump() | {"arrival": {"late": "go_on"}})


def test_the_declared_sources_wait_seventy_five_minutes_after_the_close() -> None:
    names = ("us_daily_prices", "us_daily_reports", "us_daily_symbols")
    waits = [(load_source(name).arrival.cut_off_minutes, load_source(name).arrival.late) for name in names]
    assert waits == [(75, "fail"), (75, "go_on"), (75, "go_on")]
