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

    def __init__(self, planned: Callable[[], int], tell: Callable[[str], None], limit: datetime | None = None) -> None:
        """Nothing is printed yet.

        Args:
            planned: how many fits there will have been, if there is time for them.
            tell: called with a line of text.
            limit: UTC instant at which fits end; None for no limit.
        """
        self._planned, self._tell, self._limit = planned, tell, limit
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
            rate = (done - self._done_before) / (now - self._began)
            self._tell(pace_line(done, planned, rate, datetime.now(UTC), self._limit))


def pace_line(done: int, planned: int, rate: float, now: datetime, limit: datetime | None) -> str:
    """How far the fits are, how fast, and when they will be done.

    Args:
        done: fits done.
        planned: fits that there will have been, if there is time for them.
        rate: fits a second, those that this try has done itself.
        now: the time, UTC.
        limit: when fits end, however many are done.
    """
    end = now + timedelta(seconds=(planned - done) / rate)
    pace = f"{done} of {planned} fits done, {60 * rate:.1f} a minute"
    if limit is not None and end > limit:
        return f"{pace}; the time ends before them, at {limit:%H:%M:%S} UTC"
    return f"{pace}; the last at about {end:%H:%M:%S} UTC"
