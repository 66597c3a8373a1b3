"""What commits tell of the sessions stored: one answers for all before it, unless somebody came in between."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from afterbell.features.coverage import COVERAGE, Commit, coverage, covered

DAYS = [date(2016, 1, 4) + timedelta(days=n) for n in range(400)]
APPENDED = {"added-records": "10"}


def commit(before: int | None, added: list[date], stored: list[date], after: int, definition: str = "d") -> Commit:
    return Commit(before, "append", APPENDED | {COVERAGE: coverage(definition, added, stored, after)})


EMPTY = Commit(None, "append", {"added-records": "0"})
FIRST = commit(1, DAYS[:5], [], 1)
SECOND = commit(2, DAYS[7:9], DAYS[:5], 2)


def known(history: dict[int, Commit], at: int, definition: str = "d") -> set[date] | None:
    return covered(history.get, at, definition)


def test_a_table_without_rows_has_no_session() -> None:
    assert known({1: EMPTY}, 1) == set()


def test_each_commit_tells_of_those_before_it() -> None:
    assert known({1: EMPTY, 2: FIRST, 3: SECOND}, 3) == {*DAYS[:5], *DAYS[7:9]}


def test_one_commit_is_enough_where_those_before_it_have_expired() -> None:
    assert known({3: SECOND}, 3) == {*DAYS[:5], *DAYS[7:9]}


def test_years_of_sessions_are_told_in_a_few_hundred_characters() -> None:
    sessions = [day for day in (date(2006, 1, 2) + timedelta(days=n) for n in range(3650)) if day.weekday() < 5]
    told = coverage("d" * 32, sessions, [], 1)
    assert len(told) < 400
    assert known({1: EMPTY, 2: Commit(1, "append", APPENDED | {COVERAGE: told})}, 2, "d" * 32) == set(sessions)


def test_commits_of_another_definition_are_passed_over() -> None:
    other = commit(2, DAYS[:3], [], 2, "e")
    assert known({1: EMPTY, 2: FIRST, 3: other}, 3) == set(DAYS[:5])
    assert known({1: EMPTY, 2: FIRST, 3: other}, 3, "e") == set(DAYS[:3])


def test_a_commit_that_did_not_see_the_one_before_it_speaks_for_itself_alone() -> None:
    overtaken = commit(3, DAYS[20:21], DAYS[:5], 2)  # planned on 2, while 3 was committed
    assert known({1: EMPTY, 2: FIRST, 3: SECOND, 4: overtaken}, 4) == {*DAYS[:5], *DAYS[7:9], DAYS[20]}


@pytest.mark.parametrize(
    "between",
    [Commit(2, "replace", {"added-records": "50", "deleted-records": "50"}), Commit(2, "append", {})],
    ids=["files put together", "an empty commit"],
)
def test_a_commit_that_changes_no_row_is_passed_over(between: Commit) -> None:
    last = commit(3, DAYS[7:9], DAYS[:5], 2)
    assert known({1: EMPTY, 2: FIRST, 3: between}, 3) == set(DAYS[:5])
    assert known({1: EMPTY, 2: FIRST, 3: between, 4: last}, 4) == {*DAYS[:5], *DAYS[7:9]}


@pytest.mark.parametrize(
    "between",
    [
        Commit(2, "delete", {"deleted-records": "5"}),
        Commit(2, "delete", {"added-delete-files": "1"}),
        Commit(2, "overwrite", {"added-records": "5", "deleted-records": "5"}),
        Commit(2, "append", APPENDED),
    ],
    ids=["rows deleted", "rows marked as deleted", "rows replaced", "rows written by hand"],
)
def test_nobody_is_believed_after_rows_were_changed_by_hand(between: Commit) -> None:
    assert known({1: EMPTY, 2: FIRST, 3: between}, 3) is None


def test_nobody_is_believed_where_a_commit_that_is_needed_has_expired() -> None:
    assert known({4: commit(3, DAYS[20:21], DAYS[:5], 2)}, 4) is None
