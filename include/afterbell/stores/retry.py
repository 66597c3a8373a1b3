"""Retries after a passing fault: with growing pauses and jitter, up to a number of tries or a cut-off."""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from afterbell.errors import StoreUnavailableError

Result = TypeVar("Result")
_LOG = logging.getLogger(__name__)
_MOST_DOUBLINGS = 30
_LONGEST_ASKED = 600.0
_DEADLINES: list[datetime] = []
"""The deadline of the step that this process runs, while it runs; of the whole process, its threads included."""


@contextmanager
def waiting_until(deadline: datetime) -> Iterator[None]:
    """Within the block stores that do not answer are tried again up to ``deadline``, by every caller.

    A process runs one step at a time, and all of its calls of stores have the same time left. Calls that may not wait
    use ``Retry(waits=False)``.
    """
    _DEADLINES.append(deadline)
    try:
        yield
    finally:
        _DEADLINES.pop()


class Timeouts(NamedTuple):
    """Seconds to connect, and between two pieces of an answer."""

    connect: float = 5.0
    read: float = 60.0


@dataclass(frozen=True)
class Retry:
    """How often and for how long a call is retried.

    Attributes:
        attempts: tries in all, the first included, where there is no cut-off.
        first_pause: longest pause in seconds before the second try; it doubles with each further one.
        longest_pause: bound of the doubling, in seconds.
        until: the cut-off, with its zone: tries go on as long as the next one begins before it. Once it has
            passed, nothing is tried twice.
        waits: where there is no cut-off, go on beyond ``attempts`` up to the deadline of the step that this process
            runs (``waiting_until``).
    """

    attempts: int = 6
    first_pause: float = 0.25
    longest_pause: float = 20.0
    until: datetime | None = None
    waits: bool = True

    def call(self, action: Callable[[], Result]) -> Result:
        """The result of ``action``, which must be safe to repeat.

        Raises:
            StoreUnavailableError: the store did not answer any of the tries.
        """
        began = datetime.now(UTC)
        for attempt in itertools.count(1):
            try:
                return action()
            except StoreUnavailableError as error:
                pause = self._pause(attempt, error.retry_after)
                if not self._may_go_on(attempt, pause):
                    tried = self._describe_tries(attempt, datetime.now(UTC) - began)
                    raise type(error)(f"{error} ({tried})", error.retry_after) from error
                _LOG.warning("%s; trying again in %.1f s", error, pause)
                time.sleep(pause)
        raise AssertionError("unreachable")  # the count has no end

    def _pause(self, attempt: int, retry_after: float) -> float:
        # Full jitter: many readers that failed together must not come back together. What the store asks for
        # (Retry-After) is the least.
        bound = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, _MOST_DOUBLINGS))
        return retry_after + random.uniform(0, bound)  # noqa: S311 - a pause is no secret

    def _may_go_on(self, attempt: int, pause: float) -> bool:
        if self.until is None and attempt < self.attempts:
            return True
        cut_off = self._cut_off()
        return cut_off is not None and pause < (cut_off - datetime.now(UTC)).total_seconds()

    def _cut_off(self) -> datetime | None:
        return self.until or (_DEADLINES[-1] if self.waits and _DEADLINES else None)

    def _describe_tries(self, attempt: int, away: timedelta) -> str:
        times = "tried once" if attempt == 1 else f"tried {attempt} times"
        cut_off = self._cut_off()
        if cut_off is None:
            return times
        long = f", away for {away.total_seconds():.0f} s" if attempt > 1 else ""
        return f"{times}, the cut-off is {cut_off:%Y-%m-%d %H:%M:%S %Z}{long}"


def parse_retry_after(header: str | None) -> float:
    """The pause that a ``Retry-After`` header asks for, in seconds; 0 where it is missing, or a date."""
    return min(float(header), _LONGEST_ASKED) if header and header.isdecimal() else 0.0
