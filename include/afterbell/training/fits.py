"""The unit of training: one fit of one family, horizon and fold, planned on the driver; and what is made of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from afterbell.training.families import FAMILIES
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import Combination, Windows, last_labelled, walk_forward

FINAL = -1
"""The fold number of a final fit: trained on every known label, tested on none."""
COMBINATIONS = 1_000
"""From this fold number on a fit is of a combination of groups of sessions: a specification has 100 folds at most."""
_LONGEST_MESSAGE = 300
NO_TIME = "not done in time: the steps after training need what is left before the deadline"


@dataclass(frozen=True)
class Fit:
    """The definition of one fit; sessions are ordinals, both ends included.

    Attributes:
        family: the name of a registered family.
        horizon: in sessions.
        fold: its number, ``FINAL``, or from ``COMBINATIONS`` on that of a combination.
        train_last: the last training session, of those from the first on.
        test_first: the first test session; a final fit has none.
        test_last: the last one.
        train: the training sessions of a combination, in place of all up to ``train_last``.
        test: its test sessions, in place of those from ``test_first`` to ``test_last``.
        block: its number, from 0 on, and how many there are, of a fit of many groups that is cut into blocks.
    """

    family: str
    horizon: int
    fold: int
    train_last: int
    test_first: int = 0
    test_last: int = -1
    train: Windows = ()
    test: Windows = ()
    block: tuple[int, int] | None = None

    @classmethod
    def of_combination(cls, family: str, horizon: int, split: Combination) -> Fit:
        """The fit of a combination of groups of sessions."""
        return cls(
            family,
            horizon,
            COMBINATIONS + split.number,
            split.train[-1][1],
            split.test[0][0],
            split.test[-1][1],
            split.train,
            split.test,
        )

    @property
    def name(self) -> str:
        """Its name in progress lines and reasons."""
        if self.fold >= COMBINATIONS:
            return f"{self.family} h{self.horizon} combination {self.fold - COMBINATIONS + 1}"
        block = f" block {self.block[0] + 1} of {self.block[1]}" if self.block else ""
        return f"{self.family} h{self.horizon} " + ("final" if self.fold == FINAL else f"fold {self.fold + 1}") + block

    @property
    def train_windows(self) -> Windows:
        """The training sessions."""
        return self.train or ((0, self.train_last),)

    @property
    def test_windows(self) -> Windows:
        """The test sessions; none of a final fit."""
        return self.test or (((self.test_first, self.test_last),) if self.test_first <= self.test_last else ())

    @property
    def train_sessions(self) -> int:
        """How many sessions it is trained on, those without a label among them."""
        return sum(last - first + 1 for first, last in self.train_windows)

    @property
    def work(self) -> float:
        """Its training sessions; of a block the share of it in them."""
        return self.train_sessions / (self.block[1] if self.block else 1)

    @property
    def has_market(self) -> bool:
        """Whether the market's model is among those that it trains."""
        return self.block is None or self.block[0] == 0

    def seed(self, spec: ModelSpec, group: str = "") -> int:
        """A seed below 2**31 that the fit's identity decides: specification, family, horizon, fold, and the group."""
        own = [group] if group else []
        return _seed_of([spec.model_dump(mode="json"), self.family, self.horizon, self.fold, *own])

    def sample_seed(self, spec: ModelSpec, group: str = "") -> int:
        """A seed below 2**31 for the choice of training rows, where there are too many.

        The same for all families and parameters of a fold: they are compared on the same rows, and may share what is
        made of them.
        """
        own = [group] if group else []
        return _seed_of([spec.seed, self.horizon, self.fold, *own])


def member_seed(seed: int, number: int) -> int:
    """The seed of a member of an ensemble, below 2**31; of the first it is the fit's own."""
    return _seed_of([seed, "member", number]) if number else seed


def _seed_of(identity: list[object]) -> int:
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


@dataclass(frozen=True)
class FitResult:
    """Result of one fit.

    Attributes:
        fit: the fit.
        reason: why it was left out; empty if it was not.
        broken: whether its predictions were not finite: then the whole model fails, not this fit alone.
        failed: whether it raised an error or its task was lost, so that another try may go well.
        rows: training rows.
        model: the model's text; empty for folds, whose models are not kept.
        predictions: float32 bytes, one value a row of the test windows, or what a judge made of them; empty for final
            fits.
        seconds: wall time, for the progress line alone.
    """

    fit: Fit
    reason: str = ""
    broken: bool = False
    failed: bool = False
    rows: int = 0
    model: bytes = b""
    predictions: bytes = b""
    seconds: float = 0.0


def plan(spec: ModelSpec, sessions: int) -> tuple[list[Fit], list[str]]:
    """The fits of a run over a grid of ``sessions``, in the order of ``_priority``, and why others are left out."""
    fits, skipped = [], []
    for horizon in spec.horizons:
        folds, missing = walk_forward(sessions, horizon, **spec.split.lengths())
        if missing:
            skipped.append(
                f"h{horizon}: {len(missing)} of {spec.split.folds} folds would train on fewer than "
                f"{spec.split.min_train_sessions} of {sessions} sessions"
            )
        for family in spec.families.named():
            fits += [
                Fit(family, horizon, fold.number, fold.train_last, fold.test_first, fold.test_last) for fold in folds
            ]
            fits.append(Fit(family, horizon, FINAL, last_labelled(sessions, horizon)))
    return sorted(fits, key=lambda fit: _priority(fit, spec.split.folds - 1)), skipped


def _priority(fit: Fit, newest: int) -> tuple[int, int, int]:
    """The order of the fits: if time runs out, those that are done make whole models.

    First what a model of each horizon needs, its final fit and its newest fold, of the families that take seconds, then
    of those that take minutes. Then the long fits, longest first, so that no core is left with one at the end; the
    short ones fill the gaps.
    """
    slow, needed = FAMILIES[fit.family].slow, fit.fold in {FINAL, newest}
    group = (1 if slow else 0) if needed else (2 if slow else 3)
    return group, -fit.train_last, fit.horizon


def failure_of(fit: Fit, error: Exception) -> FitResult:
    """The result of a fit that raised ``error``: a reason of one line."""
    text = str(error).strip()
    message = text.splitlines()[0][:_LONGEST_MESSAGE] if text else "no message"
    return FitResult(fit, f"failed: {type(error).__name__}: {message}", failed=True)


@dataclass(frozen=True)
class TrainingOutcome:
    """Result of a training run.

    Attributes:
        finals: the final fit of each kept (family, horizon).
        folds: the out-of-sample fits of those.
        skipped: what was left out, each with the reason.
        late: names of the fits that were not done in time.
        failed: names of the fits that failed; another run may have them, and those that were late.
    """

    finals: tuple[FitResult, ...]
    folds: tuple[FitResult, ...]
    skipped: tuple[str, ...]
    late: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def settle(results: Iterable[FitResult], skipped: Iterable[str]) -> TrainingOutcome:
    """Keep the models that have a final fit and at least one out-of-sample fold, and no broken fold.

    A fit that failed counts as one that is missing.
    """
    ordered = sorted(results, key=lambda result: (result.fit.family, result.fit.horizon, result.fit.fold))
    reasons = [*skipped, *(f"{result.fit.name}: {result.reason}" for result in ordered if result.reason)]
    finals: list[FitResult] = []
    folds: list[FitResult] = []
    for family, horizon in sorted({(result.fit.family, result.fit.horizon) for result in ordered}):
        own = [result for result in ordered if (result.fit.family, result.fit.horizon) == (family, horizon)]
        tested = [result for result in own if result.predictions]
        final = [result for result in own if result.model]
        if final and tested and not any(result.broken for result in own):
            finals += final
            folds += tested
        else:
            reasons.append(
                f"{family} h{horizon}: no model, because a final fit or a finite out-of-sample fold is missing"
            )
    late = tuple(result.fit.name for result in ordered if result.reason == NO_TIME)
    failed = tuple(result.fit.name for result in ordered if result.failed)
    return TrainingOutcome(tuple(finals), tuple(folds), tuple(reasons), late, failed)
