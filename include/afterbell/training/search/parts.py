"""The fits of a specification, apart: those that settings are chosen by, and those that are reported.

Nested in time: of the walk-forward folds the last quarter, one at least, is kept from the choice. Sessions whose label
reaches into those folds don't count for the choice either. With one trial there is nothing to choose, and every fold
is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from afterbell.errors import PermanentError
from afterbell.training.blocks import cut
from afterbell.training.fits import FINAL, Fit, plan
from afterbell.training.search.sizes import combinations_of, reported
from afterbell.training.search.study import Key
from afterbell.training.spec import ModelSpec

_GOLDEN = 0.382
"""Steps of this share of a circle spread over it evenly, however many are made."""


@dataclass(frozen=True)
class Parts:
    """The fits of a run.

    Attributes:
        choice: by family and horizon, the fits to choose by, in the order of the rungs; empty with one trial.
        report: those to report, final fits among them, in the order of ``fits.plan``.
        unseen: by horizon, the first session that the choice must know nothing of, labels included.
        skipped: what the sessions are too few for.
    """

    choice: Mapping[Key, tuple[Fit, ...]]
    report: tuple[Fit, ...]
    unseen: Mapping[int, int]
    skipped: tuple[str, ...]

    def report_of(self, key: Key) -> list[Fit]:
        """The fits to report of a family and horizon."""
        return [fit for fit in self.report if (fit.family, fit.horizon) == key]


def split(
    spec: ModelSpec, sessions: int, keep: Callable[[Sequence[Fit]], Sequence[Fit]] | None = None, blocks: int = 1
) -> Parts:
    """Which fits the choice among the trials of ``spec`` may see.

    Args:
        spec: the specification.
        sessions: length of the session grid.
        keep: those of all fits that policy leaves; None for all. Where it leaves a horizon one fold, nothing is chosen.
        blocks: into how many blocks a fit to report is cut; those to choose by stay whole, since they are judged whole.

    Raises:
        PermanentError: a horizon has one fold only: chosen by it, nothing would be left to report.
    """
    planned, skipped = plan(spec, sessions)
    fits = planned if keep is None else list(keep(planned))
    if spec.search.trials == 1:
        return Parts({}, tuple(cut(fits, blocks)), {}, tuple(skipped))
    _require_folds(planned, spec.horizons)
    if any(len(_folds(fits, horizon)) < 2 for horizon in spec.horizons):
        return Parts({}, tuple(cut(fits, blocks)), {}, (*skipped, "the search: policy leaves no fold to choose by"))
    unseen = {horizon: _first_reported(_folds(fits, horizon), spec) for horizon in spec.horizons}
    choice_folds = [fit for fit in fits if fit.fold != FINAL and fit.test_first < unseen[fit.horizon]]
    report = tuple(fit for fit in fits if fit not in choice_folds)
    keys = sorted({(fit.family, fit.horizon) for fit in fits})
    if spec.split.choice == "combinatorial_purged":
        choice = {key: _combinations(spec, key, unseen[key[1]]) for key in keys}
    else:
        choice = {key: _earlier_folds(choice_folds, key) for key in keys}
    return Parts(choice, tuple(cut(report, blocks)), unseen, tuple(skipped))


def _folds(fits: Sequence[Fit], horizon: int) -> list[int]:
    """The first test sessions of a horizon's folds, ascending."""
    return sorted({fit.test_first for fit in fits if fit.horizon == horizon and fit.fold != FINAL})


def _require_folds(fits: Sequence[Fit], horizons: Sequence[int]) -> None:
    for horizon in horizons:
        if (count := len(_folds(fits, horizon))) < 2:
            raise PermanentError(
                f"horizon {horizon} has {count} fold(s): a search needs one to choose by and one that the choice never "
                "saw; choose an earlier first day, or one trial"
            )


def _first_reported(folds: Sequence[int], spec: ModelSpec) -> int:
    return folds[-reported(len(folds), spec.search.trials)]


def _earlier_folds(folds: Sequence[Fit], key: Key) -> tuple[Fit, ...]:
    """The folds of the choice, the oldest first: it has the fewest rows, and all trials do it."""
    return tuple(sorted((fit for fit in folds if (fit.family, fit.horizon) == key), key=lambda fit: fit.fold))


def _combinations(spec: ModelSpec, key: Key, unseen: int) -> tuple[Fit, ...]:
    """The combinations of the sessions whose labels are decided before ``unseen``, those far apart first.

    Neighbours in the order of their groups share most of their test sessions: the first rungs would know little.
    """
    family, horizon = key
    scheme = spec.split
    enough = [Fit.of_combination(family, horizon, one) for one in combinations_of(scheme, horizon, unseen)]
    if not enough:
        raise PermanentError(
            f"no combination of {scheme.test_groups} of {scheme.groups} groups leaves horizon {horizon} "
            f"{scheme.min_train_sessions} sessions to train on: choose an earlier first day, or "
            "split.choice: walk_forward"
        )
    count = len(enough)
    step = next(step for step in range(max(2, round(count * _GOLDEN)), count + 2) if math.gcd(step, count) == 1)
    return tuple(enough[(number * step) % count] for number in range(count))
