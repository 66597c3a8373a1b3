"""Waiting for the daily run: a backfill begins and publishes nothing while one is at work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from afterbell.errors import RetryableError

LOOK_SECONDS = 5.0
LONGEST_SECONDS = 3 * 3600.0
"""A daily run has two hours. A longer wait ends anyway: someone keeps starting runs."""


@dataclass
class Patience:
    """Waits while a daily run is at work.

    Attributes:
        active: names the daily runs at work; a retryable failure counts as none.
        pause: waits the given seconds.
        clock: seconds of a clock that only goes forward.
        on_wait: called with the runs that are waited for, and with none once the wait is over; not without a wait.
        waited: seconds, so far.
    """

    active: Callable[[], list[str]]
    pause: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    on_wait: Callable[[list[str]], object] = lambda names: None  # noqa: ARG005
    waited: float = field(default=0.0, init=False)

    def wait(self) -> None:
        """Return as soon as no daily run is at work, and at the latest after ``LONGEST_SECONDS``."""
        began, announced = self.clock(), False
        while (runs := self._active()) and self.clock() - began < LONGEST_SECONDS:
            if not announced:
                print(f"backfill: waiting for the daily run {', '.join(runs)}", flush=True)
                self.on_wait(runs)
                announced = True
            self.pause(LOOK_SECONDS)
        if announced:
            self.on_wait([])
        self.waited += self.clock() - began

    def _active(self) -> list[str]:
        try:
            return self.active()
        except RetryableError as error:
            print(f"backfill: warning: no daily run could be looked for: {error}", file=sys.stderr, flush=True)
            return []
