"""Folds on grids small enough to be counted by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from afterbell.training.splits import (
    Fold,
    combinatorial_purged,
    label_end,
    last_labelled,
    last_trainable,
    walk_forward,
)


def test_the_label_of_a_session_is_decided_after_the_entry_bar_and_the_horizon():
    # Session 10, one session: bought at the close of 11, sold at the close of 12.
    assert label_end(10, 1) == 12
    assert label_end(10, 5) == 16


def test_the_last_labelled_session_of_twenty():
    # Sessions 0 to 19: session 17's label over one session ends at 19.
    assert last_labelled(20, 1) == 17
    assert last_labelled(20, 5) == 13
    assert last_labelled(2, 1) == -1


def test_two_folds_of_twenty_sessions_by_hand():
    folds, missing = walk_forward(20, 1, folds=2, test_sessions=4, min_train_sessions=3, embargo=1)
    # Labels end at session 17: tests 10-13 and 14-17. For the test from 10 the last training label must end at 8
    # (9 is the embargo), so the last training session is 6.
    assert folds == [Fold(0, 0, 6, 10, 13), Fold(1, 0, 10, 14, 17)]
    assert missing == []


def test_a_longer_horizon_purges_more():
    folds, _ = walk_forward(40, 5, folds=1, test_sessions=10, min_train_sessions=1, embargo=0)
    # Labels end at session 33: test 24-33; the label of session 17 ends at 23.
    assert folds == [Fold(0, 0, 17, 24, 33)]


def test_folds_that_would_train_on_too_little_are_named():
    folds, missing = walk_forward(20, 1, folds=3, test_sessions=4, min_train_sessions=7, embargo=1)
    assert [fold.number for fold in folds] == [1, 2]
    assert missing == [0]


@pytest.mark.parametrize("horizon", [1, 5, 20])
@pytest.mark.parametrize("embargo", [0, 3])
def test_no_training_label_reaches_a_test_window(horizon, embargo):
    folds, _ = walk_forward(200, horizon, folds=5, test_sessions=15, min_train_sessions=1, embargo=embargo)
    assert folds
    for fold in folds:
        ends = np.arange(fold.train_first, fold.train_last + 1) + 1 + horizon
        assert ends.max() == fold.test_first - 1 - embargo


def test_test_windows_touch_and_never_overlap():
    folds, _ = walk_forward(200, 5, folds=4, test_sessions=20, min_train_sessions=30, embargo=2)
    tested = [session for fold in folds for session in range(fold.test_first, fold.test_last + 1)]
    assert tested == list(range(114, 194))


ANSWERS = json.loads((Path(__file__).parent / "answers" / "combinatorial_purged.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", ANSWERS["cases"], ids=lambda case: f"{case['test_groups']} of {case['groups']}")
@pytest.mark.parametrize("embargo", [0, 1])
def test_combinations_are_those_of_skfolio(case, embargo):
    # What skfolio purges on both sides of a test window is the label's reach of h + 1 sessions, and our embargo.
    horizon = case["purged"] - 1 - embargo
    splits = combinatorial_purged(
        case["sessions"], horizon, groups=case["groups"], test_groups=case["test_groups"], embargo=embargo
    )
    found = [{"train": [[*one] for one in split.train], "test": [[*one] for one in split.test]} for split in splits]
    assert found == [split for split in case["splits"] if split["train"]]


def test_a_combination_of_twelve_sessions_by_hand():
    # Groups 0-3, 4-7, 8-11. Tested on the middle one over one session, with an embargo of one: a label that ends at
    # session 2 at the latest is of session 0; the labels of the test end at session 9, and 10 is the embargo.
    split = combinatorial_purged(12, 1, groups=3, test_groups=1, embargo=1)[1]
    assert (split.test, split.train) == (((4, 7),), ((0, 0), (11, 11)))
    assert last_trainable(4, 1, 1) == 0
