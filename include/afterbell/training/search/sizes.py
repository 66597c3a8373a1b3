"""How many folds and fits a search takes: arithmetic alone, for the orchestrator too."""

from __future__ import annotations

import math

from afterbell.training.spec import SplitScheme
from afterbell.training.splits import Combination, combinatorial_purged, last_labelled


def reported(folds: int, trials: int) -> int:
    """Of ``folds`` folds, those that only the report sees: all with one trial, else the last quarter, one at least."""
    return folds if trials == 1 else min(folds, max(1, round(folds / 4)))


def rung_sizes(trials: int, rungs: int, keep: float) -> list[int]:
    """How many of a cohort's trials come to each rung, if none fails and trial 0 is not among them."""
    sizes = [trials]
    while len(sizes) < rungs:
        sizes.append(math.ceil(keep * sizes[-1]))
    return sizes


def fits_of_trials(trials: int, cohort: int, rungs: int, keep: float) -> int:
    """How many fits the choice among ``trials`` trials takes, if none fails; trial 0, one of them, does every fold."""
    first = min(trials, cohort) - 1
    return (
        rungs
        + (sum(rung_sizes(first, rungs, keep)) if first else 0)
        + fits_of_others(max(0, trials - cohort), cohort, rungs, keep)
    )


def fits_of_others(trials: int, cohort: int, rungs: int, keep: float) -> int:
    """The same of the cohorts after the first."""
    whole, rest = divmod(trials, cohort)
    return whole * sum(rung_sizes(cohort, rungs, keep)) + (sum(rung_sizes(rest, rungs, keep)) if rest else 0)


def combinations_of(scheme: SplitScheme, horizon: int, unseen: int) -> list[Combination]:
    """The combinations of the sessions whose labels are decided before session ``unseen``.

    Those that would train on fewer than ``min_train_sessions`` are left out.
    """
    splits = combinatorial_purged(
        last_labelled(unseen, horizon) + 1,
        horizon,
        groups=scheme.groups,
        test_groups=scheme.test_groups,
        embargo=scheme.embargo,
    )
    return [
        split for split in splits if sum(last - first + 1 for first, last in split.train) >= scheme.min_train_sessions
    ]
