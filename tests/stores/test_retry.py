"""Invariant: a passing fault is tried again a bounded number of times, any other not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from afterbell.errors import StoreConfigError, StoreUnavailableError
from afterbell.stores.retry import Retry


def failing(times: int, error: Exception) -> tuple[list[int], Callable[[], str]]:
    tries: list[int] = []

    def action() -> str:
        tries.append(len(tries))
        if len(tries) <= times:
            raise error
        return "done"

    return tries, action


@pytest.mark.parametrize(("times", "tries"), [(0, 1), (1, 2), (2, 3)])
def test_it_ends_with_the_first_success(times: int, tries: int) -> None:
    made, action = failing(times, StoreUnavailableError("later"))
    assert Retry(3, first_pause=0.0).call(action) == "done"
    assert len(made) == tries


def test_it_gives_up_after_the_last_attempt() -> None:
    made, action = failing(9, StoreUnavailableError("later"))
    with pytest.raises(StoreUnavailableError, match=r"later \(tried 3 times\)"):
        Retry(3, first_pause=0.0).call(action)
    assert len(made) == 3


def test_what_cannot_pass_is_not_tried_again() -> None:
    made, action = failing(9, StoreConfigError("never"))
    with pytest.raises(StoreConfigError, match="never"):
        Retry(3).call(action)
    assert len(made) == 1
