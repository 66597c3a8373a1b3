"""Purged walk-forward validation over the session grid.

Sessions are counted from 0. The label of session t over h sessions is ``close(t+1+h) / close(t+1) - 1``: it
is decided at the close of t+1+h, so a training row may be used only where that lies before the test window.
Purging and embargo follow López de Prado, Advances in Financial Machine Learning (2018), chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass


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
