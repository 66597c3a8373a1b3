"""What a training says of itself while it runs: its models one by one, and now and then how many fits are done."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from afterbell.training.fits import FitResult

_EVERY = 15.0
"""Seconds between two lines about all fits, at least."""


class FitProgress:
    """Prints lines as fits end; called with the number of fits done and the result of the last."""

    def __init__(self, planned: Callable[[], int], tell: Callable[[str], None]) -> None:
        """Nothing is printed yet.

        Args:
            planned: how many fits there will have been.
            tell: called with a line of text.
        """
        self._planned, self._tell = planned, tell
        self._began = self._told = time.monotonic()
        self._done_before: int | None = None

    def __call__(self, done: int, result: FitResult) -> None:
        """One more fit is done."""
        planned, now = self._planned(), time.monotonic()
        if self._done_before is None:  # what an earlier try recorded took no time
            self._done_before = done - 1
        summary = result.reason or f"{result.rows} rows in {result.seconds:.1f} s"
        self._tell(f"{done}/{planned} {result.fit.name}: {summary}")
        if now - self._told >= _EVERY:
            self._told = now
            self._tell(pace_line(done, planned, done - self._done_before, now - self._began, datetime.now(UTC)))


def pace_line(done: int, planned: int, own: int, seconds: float, now: datetime) -> str:
    """How far the fits are, how fast, and when they will be done.

    Args:
        done: fits done.
        planned: fits that there will have been.
        own: how many of those done were done in this try.
        seconds: that they took.
        now: the time, UTC.
    """
    rate = own / seconds
    end = now + timedelta(seconds=(planned - done) / rate)
    return f"{done} of {planned} fits done, {60 * rate:.1f} a minute; the last at about {end:%H:%M:%S} UTC"
