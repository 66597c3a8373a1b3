"""Trying again after a passing fault: a bounded number of times, with growing pauses and jitter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from afterbell.errors import StoreUnavailableError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Retry:
    """How often and how patiently.

    Attributes:
        attempts: tries in all, the first included.
        first_pause: longest pause in seconds before the second try; it doubles with each further one.
        longest_pause: bound of the doubling, in seconds.
    """

    attempts: int = 6
    first_pause: float = 0.25
    longest_pause: float = 4.0

    def call(self, action: Callable[[], Result]) -> Result:
        """The result of ``action``, which must be safe to repeat.

        Raises:
            StoreUnavailableError: the store did not answer any of the tries.
        """
        for attempt in range(1, self.attempts):
            try:
                return action()
            except StoreUnavailableError:
                # Full jitter: many readers that failed together must not come back together.
                bound = min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
                time.sleep(random.uniform(0, bound))  # noqa: S311 - a pause is no secret
        try:
            return action()
        except StoreUnavailableError as error:
            raise StoreUnavailableError(f"{error} (tried {self.attempts} times)") from error
