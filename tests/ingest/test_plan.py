"""Which objects an ingest reads, given a listing and the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from afterbell.errors import (
    CalendarBoundsError,
    CorruptDropError,
    MissingDropsError,
    ObjectMissingError,
    ObjectRefusedError,
    StoreUnavailableError,
    ValidationFailedError,
)
from afterbell.ingest.outcome import Outcome, check_outcomes
from afterbell.ingest.plan import DropTask, KnownDrop, plan_source
from afterbell.sources.source import load_source
from afterbell.stores.protocols import StoredObject
from tests.ingest.shapes import example

PRICES, REPORTS = load_source("us_daily_prices"), load_source("us_daily_reports")
RUN = date(2016, 6, 30)


def key(day: str) -> str:
    return f"prices/{day[:4]}/{day}.csv.gz"


def listed(*days: str, version: str = "v1") -> list[StoredObject]:
    return [StoredObject("s3", key(day), 100, version) for day in days]


def known(day: str, state: str = "landed", version: str = "v1", sha256: str = "aa") -> KnownDrop:
    session = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    return KnownDrop("us_daily_prices", "s3", key(day), version, sha256, session.date(), state, session)


def planned(listing: list[StoredObject], *ledger: KnownDrop) -> list[DropTask]:
    return list(plan_source(PRICES, listing, ledger, RUN).tasks)


def test_drops_after_the_session_and_drops_that_are_known_are_left_alone() -> None:
    tasks = planned(listed("20160629", "20160630", "20160701"), known("20160629"))
    assert [task.session for task in tasks] == [RUN]
    assert tasks[0].carried == (RUN, date(2016, 6, 29))
    assert tasks[0].knowledge_time == datetime(2016, 6, 30, 20, 30, tzinfo=UTC)


def test_a_new_version_of_a_known_key_is_read_and_known_from_the_run_on() -> None:
    (task,) = planned(listed("20160629", version="v2") + listed("20160630"), known("20160629"), known("20160630"))
    assert (task.known_sha256, task.late) == ("aa", False)
    assert task.knowledge_time == datetime(2016, 6, 30, 20, 30, tzinfo=UTC)


def test_a_drop_that_comes_after_later_ones_is_late() -> None:
    late, own = planned(listed("20160627", "20160630"), known("20160628"))
    assert (late.late, own.late) == (True, False)
    assert late.knowledge_time == datetime(2016, 6, 30, 20, 30, tzinfo=UTC)


def filled(listing: list[StoredObject], *ledger: KnownDrop, since: date = date(2016, 6, 28)) -> list[DropTask]:
    return list(plan_source(PRICES, listing, ledger, date(2016, 6, 29), since, history=True).tasks)


def test_filling_history_takes_the_drops_of_its_sessions_and_no_others() -> None:
    tasks = filled(listed("20160627", "20160628", "20160629", "20160630"))
    assert [task.session.day for task in tasks] == [28, 29]


def test_a_drop_of_history_is_known_from_its_own_day_on_whatever_came_later() -> None:
    (task,) = filled(listed("20160628"), known("20160630"))
    assert (task.late, task.knowledge_time) == (False, datetime(2016, 6, 28, 20, 30, tzinfo=UTC))


def test_a_new_version_of_a_drop_of_history_is_known_from_the_newest_session_on() -> None:
    (task,) = filled(listed("20160628", version="v2"), known("20160628"), known("20160630"))
    assert (task.late, task.knowledge_time) == (False, datetime(2016, 6, 30, 20, 30, tzinfo=UTC))


def test_filling_history_needs_no_drop_of_its_last_session() -> None:
    assert [task.session.day for task in filled(listed("20160628"))] == [28]


def test_a_run_that_a_backfill_made_fills_history_too_but_its_own_drop_must_be_there() -> None:
    plan = plan_source(PRICES, listed("20160628"), [known("20160630")], date(2016, 6, 28), history=True)
    (task,) = plan.tasks
    assert (task.late, task.knowledge_time) == (False, datetime(2016, 6, 28, 20, 30, tzinfo=UTC))
    with pytest.raises(MissingDropsError, match="no drop of session 2016-06-29"):
        plan_source(PRICES, listed("20160628"), [known("20160630")], date(2016, 6, 29), history=True)


def test_a_drop_of_a_day_without_a_session_is_not_parsed() -> None:
    holiday, _ = planned(listed("20150703", "20160630"))
    assert "2015-07-03 (Friday) is not a session of XNYS" in holiday.refusal
    assert holiday.knowledge_time is None


def test_an_object_named_otherwise_is_a_stray() -> None:
    plan = plan_source(PRICES, [StoredObject("s3", "prices/README", 1, "v"), *listed("20160630")], [], RUN)
    assert [name for name, _ in plan.strays] == ["prices/README"]


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("19991231", "1999-12-31 lies outside the XNYS calendar, which knows 2000-01-03"),
        ("02160630", "0216-06-30 lies outside the XNYS calendar"),
        # It may carry the session before it, which is not known.
        ("20000103", "the XNYS calendar begins with 2000-01-03"),
    ],
)
def test_an_object_named_before_the_calendar_begins_is_set_aside_alone(day: str, reason: str) -> None:
    plan = plan_source(PRICES, listed(day, "20160630"), [], RUN)
    assert [task.session for task in plan.tasks] == [RUN]
    ((stray, told),) = plan.strays
    assert (stray, told.startswith(reason), "correct its name" in told) == (key(day), True, True)


def test_a_session_that_the_calendar_does_not_reach_fails_its_own_run() -> None:
    with pytest.raises(CalendarBoundsError, match="the XNYS calendar begins with 2000-01-03"):
        plan_source(PRICES, listed("20000103"), [], date(2000, 1, 3))


@pytest.mark.parametrize("name", ["a%20b", "a\\b", "a//b", "..", "a\tb"])
def test_an_object_whose_name_no_key_can_have_is_set_aside(name: str) -> None:
    lax = PRICES.model_copy(update={"key_pattern": r"prices/.*/(?P<session>\d{8})\.csv\.gz"})
    odd = StoredObject("s3", f"prices/{name}/20150105.csv.gz", 100, "v1")
    plan = plan_source(lax, [odd, *listed("20160630")], [], RUN)
    assert [task.key for task in plan.tasks] == [key("20160630")]
    ((stray, told),) = plan.strays
    assert (stray, "rename it" in told) == (odd.key, True)
    own = replace(odd, key=odd.key.replace("20150105", "20160630"))
    with pytest.raises(ObjectRefusedError, match="of session 2016-06-30 itself cannot be used"):
        plan_source(lax, [own], [], RUN)


def test_a_folder_that_cannot_be_looked_at_is_set_aside_and_named_where_a_drop_is_missing() -> None:
    folder = StoredObject("hdfs", "prices/2015%20old/", 0, "", refusal="the folder was not looked at: rename it")
    plan = plan_source(PRICES, [folder, *listed("20160630")], [], RUN)
    assert plan.strays == (("prices/2015%20old/", "the folder was not looked at: rename it"),)
    with pytest.raises(MissingDropsError, match=r"Set aside: 1 other objects, such as prices/2015%20old/ \(the folder"):
        plan_source(PRICES, [folder], [], RUN)


def test_a_drop_that_is_not_whole_yet_is_set_aside_with_its_reason_and_named_where_it_is_missing() -> None:
    waiting = {key("20160629"): "its marker is not there", key("20160701"): "its marker is not there"}
    plan = plan_source(PRICES, listed("20160630"), [], RUN, waiting=waiting)
    assert plan.strays == ((key("20160629"), "its marker is not there"),)
    waiting[key("20160630")] = "is newer than its marker"
    with pytest.raises(
        MissingDropsError, match=rf"Set aside: 2 other objects, such as {key('20160630')} \(is newer than"
    ):
        plan_source(PRICES, listed("20160628"), [], RUN, waiting=waiting)


def test_a_folder_without_any_drop_is_named() -> None:
    with pytest.raises(MissingDropsError, match=r"no drop of session 2016-06-30 in s3:prices/.*found no drop at all"):
        planned([])


def test_a_session_without_its_required_drop_is_named_with_what_is_there() -> None:
    with pytest.raises(MissingDropsError, match=r"found 2 drops, of 2016-06-28 to 2016-06-29"):
        planned(listed("20160628", "20160629"))


def test_a_source_that_is_not_required_may_have_nothing() -> None:
    assert plan_source(REPORTS, [], [], RUN).tasks == ()


def test_a_task_survives_its_way_to_an_executor() -> None:
    (task,) = planned(listed("20160630"))
    assert DropTask.from_json(task.to_json()) == task


def outcome(state: str = "landed", day: str = "20160630", **changes: object) -> Outcome:
    (task,) = plan_source(PRICES, listed(day), [known("20160630")] if day != "20160630" else [], RUN).tasks
    return Outcome(task, "id", "bb", state, **changes)  # type: ignore[arg-type]


def test_the_corrupt_drop_of_the_session_itself_fails_and_an_older_one_does_not() -> None:
    with pytest.raises(CorruptDropError, match="ends too early"):
        check_outcomes([PRICES], [outcome("quarantined", reason="ends too early")], [], RUN)
    check_outcomes([PRICES], [outcome("quarantined", "20160629", reason="ends too early"), outcome()], [], RUN)


def test_the_empty_drop_of_the_session_itself_fails_and_an_older_one_does_not() -> None:
    with pytest.raises(MissingDropsError, match="is empty"):
        check_outcomes([PRICES], [outcome("empty")], [], RUN)
    check_outcomes([PRICES], [outcome("empty", "20160629"), outcome()], [], RUN)


def test_an_empty_drop_that_the_ledger_has_fails_its_own_session_again() -> None:
    with pytest.raises(MissingDropsError, match="is empty"):
        check_outcomes([PRICES], [], [known("20160630", "empty")], RUN)


PARTS = PRICES.model_copy(update={"key_pattern": r"prices/(?P<session>\d{8})/part-\d\.csv\.gz"})


def part(number: int) -> StoredObject:
    return StoredObject("s3", f"prices/20160630/part-{number}.csv.gz", 100, "v1")


def test_of_a_session_s_several_parts_each_must_be_read() -> None:
    first, second = (
        Outcome(task, "id", "bb", "landed") for task in plan_source(PARTS, [part(1), part(2)], [], RUN).tasks
    )
    check_outcomes([PARTS], [first, second], [], RUN)
    with pytest.raises(CorruptDropError, match="cut off"):
        check_outcomes([PARTS], [first, replace(second, state="quarantined", reason="cut off")], [], RUN)
    check_outcomes([PARTS], [first, replace(second, state="empty")], [], RUN)


def test_a_part_that_joins_a_session_that_was_run_is_known_from_the_run_on() -> None:
    at = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
    there = KnownDrop(PARTS.name, "s3", part(1).key, "v1", "aa", RUN, "landed", at)
    optional = PARTS.model_copy(update={"required": False})
    (task,) = plan_source(optional, [part(1), part(2)], [there], date(2016, 7, 5)).tasks
    assert task.key == part(2).key
    assert task.knowledge_time == datetime(2016, 7, 5, 20, 30, tzinfo=UTC)


def test_a_store_that_failed_while_reading_stops_the_run_with_its_own_error() -> None:
    failed = outcome("quarantined", reason="no answer", failure="StoreUnavailableError")
    with pytest.raises(StoreUnavailableError, match="no answer"):
        check_outcomes([PRICES], [failed], [], RUN)


@pytest.mark.parametrize("kind", [ObjectRefusedError, ObjectMissingError])
def test_a_drop_that_its_store_refused_fails_its_own_session_by_name_and_no_other(kind: type[Exception]) -> None:
    own = outcome("unreadable", reason="the object is archived: restore it", failure=kind.__name__)
    old = outcome("unreadable", "20160629", reason="the object is archived: restore it", failure=kind.__name__)
    check_outcomes([PRICES], [old, outcome()], [], RUN)
    with pytest.raises(kind, match=rf"the drop {key('20160630')} of session 2016-06-30 itself .*restore it"):
        check_outcomes([PRICES], [old, own], [], RUN)
    check_outcomes([PRICES], [old, own], [], RUN, own=False)
    # An earlier version of it was taken in.
    check_outcomes([PRICES], [own], [known("20160630")], RUN)


def test_a_drop_over_the_budget_fails_with_its_counts_by_rule() -> None:
    bad = outcome(lines=1000, rows=900, rules={"not_a_number": 60, "field_count": 40})
    with pytest.raises(ValidationFailedError, match=r"100 of 1000 lines .*10\.0%.*: field_count 40, not_a_number 60"):
        check_outcomes([PRICES], [bad], [], RUN)


def test_many_drops_within_their_own_budget_may_exceed_it_together() -> None:
    drops = [outcome(lines=100, rows=90, rules={"field_count": 10}) for _ in range(3)]
    with pytest.raises(ValidationFailedError, match=r"3 drops of source us_daily_prices: 30 of 300"):
        check_outcomes([PRICES], drops, [], RUN)


def test_an_outcome_survives_its_way_to_the_driver() -> None:
    there = outcome(lines=3, rows=2, rules={"field_count": 1}, sessions=("2016-06-30",))
    assert Outcome.from_json(there.to_json()) == there


LEAN = example("lean_minutes")


def minutes(*names: str) -> list[StoredObject]:
    return [StoredObject("s3", f"equity/usa/minute/{name}.zip", 100, "v1") for name in names]


def test_several_objects_make_up_a_session_and_excluded_ones_are_no_strays() -> None:
    listing = minutes("aapl/20160630_trade", "aapl/20160630_quote", "ibm/20160630_trade", "ibm/20160630_notes")
    plan = plan_source(LEAN, listing, [], RUN)
    assert [task.key.split("/")[3] for task in plan.tasks] == ["aapl", "ibm"]
    assert [key for key, _ in plan.strays] == ["equity/usa/minute/ibm/20160630_notes.zip"]


def test_an_excluded_object_is_none_even_where_its_store_refuses_it() -> None:
    listing = [replace(one, refusal="no permission") for one in minutes("aapl/20160630_quote")]
    assert plan_source(LEAN, listing, [], RUN).strays == ()


def test_a_key_with_an_odd_symbol_is_a_stray_and_does_not_stop_its_session() -> None:
    long = "a" * 20
    plan = plan_source(LEAN, minutes(f"{long}/20160630_trade", "ibm/20160630_trade"), [], RUN)
    assert len(plan.tasks) == 1
    assert plan.strays[0][1] == f"is named after '{long.upper()}'; expected a symbol like [A-Z][A-Z.]{{0,11}}"


def test_a_key_that_leaves_out_its_symbol_is_a_stray() -> None:
    given = LEAN.model_dump() | {"key_pattern": r"equity/usa/minute/(?P<symbol>[a-z]+)?/?(?P<session>\d{8})_trade\.zip"}
    plan = plan_source(type(LEAN).model_validate(given), minutes("20160630_trade", "ibm/20160630_trade"), [], RUN)
    assert [key for key, _ in plan.strays] == ["equity/usa/minute/20160630_trade.zip"]
    assert len(plan.tasks) == 1


def test_a_required_source_whose_drops_are_all_left_alone_says_so() -> None:
    given = LEAN.model_dump() | {"required": True, "arrival": {}, "exclude": [".*"]}
    source = type(LEAN).model_validate(given)
    with pytest.raises(MissingDropsError, match=r"Left alone by include and exclude: 2 objects\."):
        plan_source(source, minutes("aapl/20160630_trade", "ibm/20160630_trade"), [], RUN)


def per_symbol(*states: str) -> list[Outcome]:
    plan = plan_source(LEAN, minutes(*(f"{chr(97 + at)}/20160630_trade" for at in range(len(states)))), [], RUN)
    return [Outcome(task, "d", "aa", state, reason="odd") for task, state in zip(plan.tasks, states, strict=True)]


def test_an_object_about_one_symbol_stops_that_symbol_and_not_the_night() -> None:
    check_outcomes([LEAN], per_symbol("landed", "quarantined", "landed"), [], RUN)
    check_outcomes([LEAN], per_symbol("landed", "quarantined"), [], RUN)


@pytest.mark.parametrize("states", [("quarantined",), ("quarantined", "quarantined", "landed")])
def test_most_objects_of_a_session_that_cannot_be_read_stop_the_night(states: tuple[str, ...]) -> None:
    with pytest.raises(CorruptDropError, match="the drop of session 2016-06-30 itself cannot be used: odd"):
        check_outcomes([LEAN], per_symbol(*states), [], RUN)
