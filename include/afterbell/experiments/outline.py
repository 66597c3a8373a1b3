"""The size of an experiment before anything is read: folds and fits by horizon; pure arithmetic of the split scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbell.experiments.request import ExperimentRequest
from afterbell.training.search.sizes import combinations_of, fits_of_trials, reported
from afterbell.training.spec import ModelSpec, SplitScheme
from afterbell.training.splits import Fold, walk_forward


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
    """The folds and fits of ``request`` over ``sessions`` sessions, by the split scheme and the search of ``base``.

    Pruning is counted, a trial that fails is not. The models that are made first for a deadline come on top.
    """
    walks = {horizon: walk_forward(sessions, horizon, **base.split.lengths())[0] for horizon in request.horizons}
    folds = {horizon: len(walk) for horizon, walk in walks.items()}
    kept = {horizon: reported(count, request.trials) for horizon, count in folds.items()}
    families, report = len(request.families), sum(count + 1 for count in kept.values())
    choice = 0
    if request.trials > 1 and min(folds.values()) > 1:
        rungs = [_rungs(base.split, walk, kept[horizon], horizon) for horizon, walk in walks.items()]
        search = base.search
        choice = sum(fits_of_trials(request.trials, search.cohort, count, search.keep) for count in rungs)
    return Outline(folds, choice * families, report * families)


def _rungs(scheme: SplitScheme, walk: Sequence[Fold], kept: int, horizon: int) -> int:
    """How many folds a trial does that gets to the end."""
    if scheme.choice == "walk_forward":
        return len(walk) - kept
    return len(combinations_of(scheme, horizon, walk[-kept].test_first))
