"""The size of an experiment before anything is read: folds and fits by horizon; pure arithmetic of the split scheme."""

from __future__ import annotations

from dataclasses import dataclass

from afterbell.experiments.request import ExperimentRequest
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import walk_forward


@dataclass(frozen=True)
class Outline:
    """The work of an experiment.

    Attributes:
        folds: by horizon, those that fit into the sessions.
        choice: fits of the folds that settings are chosen by, over all trials; 0 with one trial.
        report: fits of the folds that are reported, the final one of each family and horizon among them.
    """

    folds: dict[int, int]
    choice: int
    report: int

    @property
    def fits(self) -> int:
        """All of them."""
        return self.choice + self.report


def outline(request: ExperimentRequest, base: ModelSpec, sessions: int) -> Outline:
    """The folds and fits of ``request`` over ``sessions`` sessions, by the split scheme of ``base``."""
    folds = {
        horizon: len(walk_forward(sessions, horizon, **base.split.model_dump())[0]) for horizon in request.horizons
    }
    kept = {horizon: reported(count, request.trials) for horizon, count in folds.items()}
    families = len(request.families)
    choice = sum(folds[horizon] - kept[horizon] for horizon in folds) * families * request.trials
    return Outline(folds, choice if request.trials > 1 else 0, sum(count + 1 for count in kept.values()) * families)


def reported(folds: int, trials: int) -> int:
    """Of ``folds`` folds, those that only the report sees: all with one trial, else the last quarter, one at least."""
    return folds if trials == 1 else min(folds, max(1, round(folds / 4)))
