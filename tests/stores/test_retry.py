"""Invariant: a passing fault is tried again a bounded number of times, any other not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from afterbell.errors import StoreConfigError, StoreFullError, StoreUnavailableError
from afterbell.stores.retry import Retry, parse_retry_after, waiting_until


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


def test_a_cut_off_counts_and_not_the_attempts() -> None:
    made, action = failing(9, StoreUnavailableError("later"))
    soon = datetime.now(UTC) + timedelta(minutes=5)
    assert Retry(2, first_pause=0.001, longest_pause=0.001, until=soon).call(action) == "done"
    assert len(made) == 10


def test_nothing_is_tried_twice_past_the_cut_off() -> None:
    made, action = failing(9, StoreUnavailableError("later"))
    over = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)
    with pytest.raises(StoreUnavailableError, match=r"tried once, the cut-off is 2016-06-30 22:00:00 UTC"):
        Retry(5, until=over).call(action)
    assert len(made) == 1


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, none of which is really made."""
    found: list[float] = []
    monkeypatch.setattr("afterbell.stores.retry.time", SimpleNamespace(sleep=found.append))
    return found


def test_a_pause_that_the_store_asks_for_is_kept_or_the_tries_end(slept: list[float]) -> None:
    made, action = failing(1, StoreUnavailableError("later", retry_after=0.2))
    assert Retry(2, first_pause=0.0).call(action) == "done"
    assert slept == [0.2]
    made, action = failing(1, StoreUnavailableError("later", retry_after=120))
    with pytest.raises(StoreUnavailableError, match="tried once"):  # the pause would pass the cut-off
        Retry(until=datetime.now(UTC) + timedelta(seconds=60)).call(action)
    assert len(made) == 1


def test_pauses_grow_up_to_their_bound_and_differ(slept: list[float]) -> None:
    _, action = failing(99, StoreUnavailableError("later"))
    assert Retry(100, first_pause=1.0, longest_pause=8.0).call(action) == "done"
    assert [pause <= bound for pause, bound in zip(slept, (1.0, 2.0, 4.0, 8.0), strict=False)] == [True] * 4
    assert max(slept) <= 8.0
    assert max(slept) > 4.0
    assert len(set(slept)) == 99


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("", 0), ("7", 7), ("86400", 600), ("-1", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)
def test_the_header_is_read_in_seconds(header: str | None, seconds: float) -> None:
    assert parse_retry_after(header) == seconds


def test_while_a_step_runs_every_store_is_tried_up_to_its_deadline(slept: list[float]) -> None:
    made, action = failing(40, StoreUnavailableError("later"))
    with waiting_until(datetime.now(UTC) + timedelta(hours=2)):
        assert Retry(2).call(action) == "done"
    assert len(made) == 41


def test_a_thread_of_the_step_waits_as_well(slept: list[float]) -> None:
    made, action = failing(40, StoreUnavailableError("later"))
    with waiting_until(datetime.now(UTC) + timedelta(hours=2)), ThreadPoolExecutor(1) as pool:
        assert pool.submit(Retry(2).call, action).result() == "done"
    assert len(made) == 41


@pytest.mark.parametrize("retry", [Retry(2, waits=False), Retry(2)], ids=["it may not wait", "the deadline is over"])
def test_what_may_not_wait_and_a_step_past_its_deadline_get_their_few_tries(retry: Retry, slept: list[float]) -> None:
    made, action = failing(40, StoreUnavailableError("later"))
    deadline = datetime.now(UTC) + timedelta(hours=-2 if retry.waits else 2)
    with waiting_until(deadline), pytest.raises(StoreUnavailableError, match="tried 2 times"):
        retry.call(action)
    assert len(made) == 2


def test_after_the_step_nothing_waits_any_more(slept: list[float]) -> None:
    _, action = failing(40, StoreUnavailableError("later"))
    with waiting_until(datetime.now(UTC) + timedelta(hours=2)):
        pass
    with pytest.raises(StoreUnavailableError, match=r"later \(tried 2 times\)"):
        Retry(2).call(action)


def test_a_full_store_is_waited_for_and_stays_what_it_is(slept: list[float]) -> None:
    _, action = failing(40, StoreFullError("no room"))
    with pytest.raises(StoreFullError, match=r"no room \(tried 3 times\)"):
        Retry(3).call(action)
