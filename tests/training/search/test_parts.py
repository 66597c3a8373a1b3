"""What the choice may see: earlier folds, or combinations of the sessions before them, and no label that reaches on."""

from __future__ import annotations

import itertools

import pytest

from afterbell.errors import PermanentError
from afterbell.training.deadline_policy import LeaveOut
from afterbell.training.fits import FINAL, plan
from afterbell.training.search.parts import reported, split
from tests.training.search.world import SPLIT, search_spec

COMBINED = SPLIT | {"choice": "combinatorial_purged", "groups": 5, "test_groups": 2}


def test_one_trial_reports_every_fold_of_the_plan():
    parts = split(search_spec(1), 130)
    assert parts.choice == {}
    assert list(parts.report) == plan(search_spec(1), 130)[0]


def test_the_choice_sees_the_earlier_folds_alone_the_cheapest_first():
    parts = split(search_spec(2), 130)
    (choice,) = parts.choice.values()
    assert [fit.fold for fit in choice] == [0, 1, 2]
    assert {fit.fold for fit in parts.report} == {3, FINAL}
    assert max(fit.test_last for fit in choice) < parts.unseen[1]


def test_a_search_with_one_fold_is_refused():
    with pytest.raises(PermanentError, match=r"horizon 1 has 1 fold\(s\)"):
        split(search_spec(2), 52)


def test_where_policy_leaves_one_fold_nothing_is_chosen():
    spec = search_spec(8)
    parts = split(spec, 130, lambda fits: LeaveOut(folds=1).keep(fits, spec))
    assert parts.choice == {}
    assert {fit.fold for fit in parts.report} == {3, FINAL}
    assert parts.skipped[-1] == "the search: policy leaves no fold to choose by"


def test_the_last_quarter_of_the_folds_is_reported():
    assert [reported(folds, 2) for folds in (2, 4, 6, 8, 12)] == [1, 1, 2, 2, 3]
    assert reported(8, 1) == 8


def test_combinations_know_nothing_of_the_reported_sessions():
    parts = split(search_spec(2, split=COMBINED), 130)
    (choice,) = parts.choice.values()
    assert len(choice) == 10  # two of five groups
    assert len(set(choice)) == 10
    last = parts.unseen[1] - 3  # the label of a session over one session is decided at the close of the next but one
    for fit in choice:
        sessions = {day for first, end in (*fit.train, *fit.test) for day in range(first, end + 1)}
        assert max(sessions) <= last
        assert not {*_days(fit.train)} & {*_days(fit.test)}
    assert sum(len([*_days(fit.test)]) for fit in choice) == 4 * (last + 1)  # each group in four combinations
    assert [fit.fold for fit in parts.report] == [fit.fold for fit in split(search_spec(2), 130).report]


def _days(windows):
    return itertools.chain.from_iterable(range(first, last + 1) for first, last in windows)


def test_combinations_that_would_train_on_too_little_are_left_out():
    with pytest.raises(
        PermanentError, match="no combination of 2 of 5 groups leaves horizon 1 90 sessions to train on"
    ):
        split(search_spec(2, split=COMBINED | {"min_train_sessions": 90, "folds": 2}), 130)
