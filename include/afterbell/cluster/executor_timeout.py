"""How long a driver waits for its cluster: Spark itself would wait for ever, without an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["wait", "not accepted", "no executor", "executors lost"]


@dataclass(frozen=True)
class ExecutorLimits:
    """Timeouts (s): until the cluster manager accepts the driver, and without an executor while one is needed."""

    registered: float
    first_executor: float


@dataclass(frozen=True)
class DriverView:
    """The state of a driver at one instant.

    Attributes:
        up: whether the Spark context exists.
        executors: those that have reported to the driver and are alive.
        busy: whether a job is running, or waits to.
    """

    up: bool
    executors: int = 0
    busy: bool = False


class ExecutorPatience:
    """Checks the state of a driver against the timeouts.

    Args:
        limits: of this driver.
        began: the clock (seconds, any origin) when the context was requested.
        eager: whether executors come without a job, as they do unless they are allocated by need.
    """

    def __init__(self, limits: ExecutorLimits, began: float, *, eager: bool) -> None:
        self._limits = limits
        self._began = began
        self._eager = eager
        self._had = False
        self._needed_since: float | None = None

    def look(self, now: float, view: DriverView) -> Verdict:
        """The verdict on ``view`` at ``now``."""
        if not view.up:
            return "not accepted" if now - self._began >= self._limits.registered else "wait"
        self._had = self._had or view.executors > 0
        needed = view.executors == 0 and (view.busy or (self._eager and not self._had))
        if not needed:
            self._needed_since = None
            return "wait"
        if self._needed_since is None:
            self._needed_since = now
        if now - self._needed_since < self._limits.first_executor:
            return "wait"
        return "executors lost" if self._had else "no executor"
