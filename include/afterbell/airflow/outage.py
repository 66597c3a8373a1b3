"""A step whose stores are away waits for them, up to the deadline of its run, within one try of its task.

A step is safe to repeat, so it is simply started again after a pause. Airflow's own retries stay for everything else:
how often a store must be tried depends on the time left, and a fixed number of tries would be used up in a minute.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.errors import StoreFullError, StoreUnavailableError, UnknownOutcomeError
from afterbell.run.contracts.opened import OpenedRun

Result = TypeVar("Result")
WAITED_FOR = frozenset(kind.__name__ for kind in (StoreUnavailableError, StoreFullError, UnknownOutcomeError))
"""Failures that pass when a store is back or has room again; after an unknown outcome the step reads it again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 60.0


class StoreAwayError(AirflowException):
    """A step failed because a store is away or full."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Wait; a signal to the task ends it."""
    time.sleep(seconds)


def wait_for_stores(
    run: OpenedRun, step: str, log: Any, work: Callable[[], Result], again: Callable[[], Result] | None = None
) -> Result:
    """The result of ``work``, repeated with growing pauses while a store is away, up to the run's deadline.

    Args:
        run: result of the task that opened the run.
        step: for messages.
        log: of the task.
        work: does the step, or judges its driver.
        again: what further tries do; ``work``, if left out.

    Raises:
        AirflowFailException: the store was away until the deadline; the message states for how long and what to do.
        AirflowException: the deadline had passed before; the task's retries apply.
    """
    deadline, began = run.deadline, now()
    for attempt in itertools.count(1):
        try:
            return (work if attempt == 1 else again or work)()
        except (StoreAwayError, StoreUnavailableError) as error:
            trouble = str(error)
            if not isinstance(error, StoreAwayError):
                trouble = f"step {step!r}: {type(error).__name__}: {trouble}"
            if began >= deadline:
                raise AirflowException(trouble) from error
            pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            if (deadline - now()).total_seconds() <= pause:
                raise AirflowFailException(_give_up_text(trouble, attempt, began, deadline)) from error
            log.warning(
                "%s\nthe step is begun again in %.0f s, up to the deadline %s",
                trouble,
                pause,
                _utc(deadline),
            )
        sleep(pause)
    raise AssertionError("unreachable")  # the count has no end


def _give_up_text(trouble: str, attempts: int, began: datetime, deadline: datetime) -> str:
    times = "once" if attempts == 1 else f"{attempts} times"
    return (
        f"{trouble}\nThe step was tried {times} since {_utc(began)}, up to the deadline {_utc(deadline)}. Nothing is "
        "half-committed: bring the store back, or make room (./afterbell doctor), then run the session again"
    )


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
