"""Purged validation over the session grid: walk-forward, and by all combinations of groups of sessions.

Sessions are counted from 0. The label of session t over h sessions is ``close(t+1+h) / close(t+1) - 1``: it
is decided at the close of t+1+h, so a training row may be used only where that lies before the test window.
Purging and embargo follow López de Prado, Advances in Financial Machine Learning (2018), chapter 7, the combinations
chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

Windows = tuple[tuple[int, int], ...]
"""First and last sessions of ranges, ascending; both ends included, and no two of them touch."""


@dataclass(frozen=True)
class Fold:
    """One fold; sessions are ordinals, both ends included.

    Attributes:
        number: 0 is the oldest.
        train_first: first training session.
        train_last: last training session, purged and embargoed.
        test_first: first test session.
        test_last: last test session.
    """

    number: int
    train_first: int
    train_last: int
    test_first: int
    test_last: int


def label_end(session: int, horizon: int) -> int:
    """The session at whose close the label of ``session`` is decided."""
    return session + 1 + horizon


def last_labelled(sessions: int, horizon: int) -> int:
    """The last of ``sessions`` whose label is decided within them; negative if there is no such session."""
    return sessions - 1 - 1 - horizon


def last_trainable(test_first: int, horizon: int, embargo: int) -> int:
    """The last session that may be trained on for a test window from ``test_first``.

    Its label ends at least ``embargo + 1`` sessions before ``test_first``; negative if there is no such session.
    """
    return test_first - 1 - embargo - 1 - horizon


def walk_forward(
    sessions: int, horizon: int, *, folds: int, test_sessions: int, min_train_sessions: int, embargo: int
) -> tuple[list[Fold], list[int]]:
    """Expanding-window folds whose test windows touch and end at the last labelled session.

    Args:
        sessions: length of the session grid.
        horizon: h, in sessions.
        folds: how many folds to make.
        test_sessions: length of each test window.
        min_train_sessions: fewest training sessions of a fold.
        embargo: sessions left out between the training labels and the test window.

    Returns:
        The folds that fit, oldest first, and the numbers of those that do not.
    """
    end = last_labelled(sessions, horizon)
    fitting, missing = [], []
    for number in range(folds):
        test_last = end - (folds - 1 - number) * test_sessions
        test_first = test_last - test_sessions + 1
        train_last = last_trainable(test_first, horizon, embargo)
        if train_last + 1 >= min_train_sessions:
            fitting.append(Fold(number, 0, train_last, test_first, test_last))
        else:
            missing.append(number)
    return fitting, missing


@dataclass(frozen=True)
class Combination:
    """Groups of sessions that are tested by a model of the others; sessions are ordinals.

    Attributes:
        number: of the combination, from 0.
        train: the training sessions, purged and embargoed.
        test: the test sessions.
    """

    number: int
    train: Windows
    test: Windows


def combinatorial_purged(
    sessions: int, horizon: int, *, groups: int, test_groups: int, embargo: int
) -> list[Combination]:
    """All combinations of ``test_groups`` of ``groups`` groups of sessions, each tested by a model of the rest.

    Before a test window a training label ends at least ``embargo + 1`` sessions earlier, as in ``walk_forward``; after
    it a training session lies at least as far behind: ``horizon + 1 + embargo`` sessions are left out on both sides.

    Args:
        sessions: how many there are, all of them labelled.
        horizon: h, in sessions.
        groups: how many groups of neighbouring sessions are made of them; the last is longer where they can't be equal.
        test_groups: how many of them are tested together.
        embargo: sessions left out besides those whose labels overlap.

    Returns:
        The combinations in lexicographic order of their groups; those without a training session are left out.
    """
    size = sessions // groups
    starts = [*(group * size for group in range(groups)), sessions]
    apart = horizon + 1 + embargo
    made = []
    for number, tested in enumerate(combinations(range(groups), test_groups)):
        test = _joined([(starts[group], starts[group + 1] - 1) for group in tested])
        near = {day for first, last in test for day in range(first - apart, last + apart + 1)}
        train = _joined([(day, day) for day in range(sessions) if day not in near])
        if train:
            made.append(Combination(number, train, test))
    return made


def _joined(windows: Sequence[tuple[int, int]]) -> Windows:
    """Ascending windows, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for first, last in windows:
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)
