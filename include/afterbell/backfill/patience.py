"""Standing back for the daily run: a backfill begins and publishes nothing while one is at work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from afterbell.errors import RetryableError

LOOK_SECONDS = 5.0
LONGEST_SECONDS = 3 * 3600.0
"""A daily run has two hours. Whoever has waited longer goes on: somebody runs one after the other."""


@dataclass
class Patience:
    """Waits while somebody is at work.

    Attributes:
        active: tells who is; may fail in a way that passes, and then nobody is.
        pause: waits some seconds.
        clock: seconds of a clock that only goes forward.
        tell: called with those who are waited for, and with nobody once the wait is over; not where nobody is.
        waited: seconds, so far.
    """

    active: Callable[[], list[str]]
    pause: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    tell: Callable[[list[str]], object] = lambda names: None  # noqa: ARG005
    waited: float = field(default=0.0, init=False)

    def wait(self) -> None:
        """Return as soon as nobody is at work, and at the latest after ``LONGEST_SECONDS``."""
        began, said = self.clock(), False
        while (found := self._active()) and self.clock() - began < LONGEST_SECONDS:
            if not said:
                print(f"backfill: waiting for the daily run {', '.join(found)}", flush=True)
                self.tell(found)
                said = True
            self.pause(LOOK_SECONDS)
        if said:
            self.tell([])
        self.waited += self.clock() - began

    def _active(self) -> list[str]:
        try:
            return self.active()
        except RetryableError as error:
            print(f"backfill: warning: no daily run could be looked for: {error}", file=sys.stderr, flush=True)
            return []
