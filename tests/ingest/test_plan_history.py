"""Which objects that carry a history a run reads, given a listing and the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from afterbell.ingest.plan import DropTask, KnownDrop
from afterbell.ingest.plan_history import plan_history
from afterbell.stores.protocols import StoredObject
from tests.ingest.shapes import example

SOURCE = example("lean_daily")
BEFORE, RUN, AFTER = date(2016, 6, 29), date(2016, 6, 30), date(2016, 7, 1)
CLOSE = datetime(2016, 6, 30, 20, 45, tzinfo=UTC)


def listed(*symbols: str, version: str = "v1") -> list[StoredObject]:
    return [StoredObject("s3", f"equity/usa/daily/{symbol}.zip", 100, version) for symbol in symbols]


def known(
    symbol: str, session: date, state: str = "landed", version: str = "v1", left: int = 0, text: int = 50
) -> KnownDrop:
    key = f"equity/usa/daily/{symbol}.zip"
    return KnownDrop("lean_daily", "s3", key, version, "aa", session, state, CLOSE, text, f"of {session}", left)


def planned(listing: list[StoredObject], *ledger: KnownDrop, run: date = RUN) -> list[DropTask]:
    return list(plan_history(SOURCE, listing, ledger, run).tasks)


def test_a_new_object_is_read_from_its_beginning_up_to_the_session_of_the_run() -> None:
    (task,) = planned(listed("aapl"))
    assert (task.session, task.carried, task.knowledge_time) == (RUN, (), CLOSE)
    assert (task.reach, task.text_bytes, task.text_sha256) == (None, 0, "")


def test_an_object_that_has_not_changed_is_not_read() -> None:
    assert planned(listed("aapl"), known("aapl", BEFORE)) == []


def test_one_that_has_grown_is_read_on_from_where_it_was_read_to() -> None:
    (task,) = planned(listed("aapl", version="v2"), known("aapl", date(2016, 6, 28), text=40), known("aapl", BEFORE))
    assert (task.reach, task.text_bytes, task.text_sha256) == (BEFORE, 50, f"of {BEFORE}")


@pytest.mark.parametrize(("left", "run", "read"), [(3, AFTER, True), (3, RUN, False), (0, AFTER, False)])
def test_rows_that_were_left_are_read_in_the_run_of_a_later_session(left: int, run: date, *, read: bool) -> None:
    assert bool(planned(listed("aapl"), known("aapl", RUN, left=left), run=run)) is read


def test_what_an_object_lacked_while_others_had_it_was_not_known_then() -> None:
    (task,) = planned(listed("ibm", version="v2"), known("aapl", BEFORE), known("ibm", date(2016, 6, 28)))
    assert task.reach == BEFORE


def test_a_symbol_that_is_new_has_been_known_all_along() -> None:
    (task,) = planned(listed("aapl", "ibm"), known("aapl", BEFORE))
    assert (task.key, task.reach) == ("equity/usa/daily/ibm.zip", None)


@pytest.mark.parametrize("state", ["quarantined", "empty"])
def test_a_version_that_could_not_be_read_is_no_part_of_what_was_taken_in(state: str) -> None:
    (task,) = planned(listed("aapl", version="v2"), known("aapl", BEFORE, state, text=0))
    assert (task.reach, task.text_bytes) == (None, 0)
    assert planned(listed("aapl"), known("aapl", BEFORE, state, text=0)) == []


def test_a_session_run_again_later_as_if_on_its_day_is_told_after_everything_known() -> None:
    ledger = [known("aapl", AFTER)]
    (task,) = plan_history(SOURCE, listed("aapl", version="v2"), ledger, RUN, history=True).tasks
    assert task.knowledge_time == datetime(2016, 7, 1, 20, 45, tzinfo=UTC)


def test_a_range_that_is_filled_reads_none() -> None:
    assert plan_history(SOURCE, listed("aapl"), [], RUN, filling=True).tasks == ()


def test_strays_are_named_and_excluded_objects_are_none() -> None:
    source = example("lean_daily", exclude=[r".*/ibm\.zip"])
    listing = [*listed("aapl", "ibm", "a" * 20), StoredObject("s3", "equity/usa/daily/readme.txt", 1, "v")]
    plan = plan_history(source, listing, [], RUN, waiting={"equity/usa/daily/x.zip": "no marker"})
    assert [task.key for task in plan.tasks] == ["equity/usa/daily/aapl.zip"]
    assert [key.rpartition("/")[2] for key, _ in plan.strays] == ["x.zip", "a" * 20 + ".zip", "readme.txt"]


def test_a_task_is_the_same_after_its_way_as_text() -> None:
    (task,) = planned(listed("aapl", version="v2"), known("aapl", BEFORE))
    assert DropTask.from_json(task.to_json()) == task
    assert DropTask.from_json(replace(task, reach=None).to_json()).reach is None
