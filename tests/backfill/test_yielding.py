"""A backfill stands back while a daily run is at work, and not for ever."""

from __future__ import annotations

from afterbell.backfill.yielding import LONGEST_SECONDS, LOOK_SECONDS, Patience
from afterbell.errors import StoreUnavailableError


class Clock:
    """Time passes only where somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def waited(active: list[list[str]]) -> float:
    clock = Clock()
    patience = Patience(lambda: active.pop(0) if len(active) > 1 else active[0], clock.pause, clock)
    patience.wait()
    assert patience.waited == clock.now
    return clock.now


def test_nobody_is_waited_for_where_nobody_is_at_work() -> None:
    assert waited([[]]) == 0


def test_it_goes_on_as_soon_as_the_daily_run_is_over() -> None:
    assert waited([["night"], ["night"], []]) == 2 * LOOK_SECONDS


def test_whoever_never_ends_is_not_waited_for_for_ever() -> None:
    assert LONGEST_SECONDS <= waited([["night"]]) <= LONGEST_SECONDS + LOOK_SECONDS


def test_a_store_that_does_not_answer_holds_nobody_up() -> None:
    def away() -> list[str]:
        raise StoreUnavailableError("s3 is away")

    clock = Clock()
    Patience(away, clock.pause, clock).wait()
    assert clock.now == 0
