"""Decides what a training run leaves out for its deadline: by policy at its start, by the clock while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from afterbell.run.contracts.models import LeftOut
from afterbell.training.fits import FINAL, Fit
from afterbell.training.spec import ModelSpec

_WHY = "left out by policy, for a deadline that is near"


@dataclass(frozen=True)
class LeaveOut:
    """Families and folds that are left out by policy.

    Attributes:
        families: with all their fits.
        folds: most folds that are fitted, the newest ones; None for all.
    """

    families: frozenset[str] = frozenset()
    folds: int | None = None

    @classmethod
    def of(cls, requested: Sequence[LeftOut], spec: ModelSpec) -> LeaveOut:
        """Read the instructions of the orchestrator; at least one family always stays.

        Args:
            requested: the input ``leave_out``.
            spec: the model specification.
        """
        in_spec = set(spec.families.named())
        families = in_spec & {family for measure in requested for family in measure.families}
        folds = min((measure.folds for measure in requested if measure.folds), default=None)
        if folds is not None and folds >= spec.split.folds:
            folds = None
        return cls(frozenset(families) if families < in_spec else frozenset(), folds)

    def names(self) -> list[str]:
        """The names of what is left out; equal content gives equal names."""
        folds = [f"folds but the newest {self.folds}"] if self.folds else []
        return [*(f"family {family}" for family in sorted(self.families)), *folds]

    def reasons(self) -> list[str]:
        """``names``, each with why; nothing in them depends on when the run ran."""
        return [f"{name}: {_WHY}" for name in self.names()]

    def keep(self, fits: Sequence[Fit], spec: ModelSpec) -> list[Fit]:
        """The fits that stay, in their order; they and their models are unchanged."""
        oldest = 0 if self.folds is None else spec.split.folds - self.folds
        return [fit for fit in fits if fit.family not in self.families and (fit.fold == FINAL or fit.fold >= oldest)]


def ends_at(deadline: datetime, needed_after: float | None) -> datetime | None:
    """The instant (UTC) at which fits must end, so that later steps have the seconds they need; None for no limit."""
    return None if needed_after is None else deadline - timedelta(seconds=needed_after)


def seconds_left(instant: datetime | None) -> Callable[[], float] | None:
    """A clock that gives the seconds until ``instant``; None for no limit."""
    if instant is None:
        return None

    def left() -> float:
        return (instant - datetime.now(UTC)).total_seconds()

    return left


@contextmanager
def until(instant: datetime | None) -> Iterator[threading.Event]:
    """An event that is set at ``instant``, if the block lasts so long; never set if ``instant`` is None."""
    over = threading.Event()
    if instant is None:
        yield over
        return
    timer = threading.Timer(max(0.0, (instant - datetime.now(UTC)).total_seconds()), over.set)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
