"""What suggests the settings of a search; the same questions and results in the same order give the same settings.

``tpe`` is Optuna's tree-structured Parzen estimator (Bergstra et al., Algorithms for Hyper-Parameter Optimization,
2011): it draws where good trials were denser than others. A trial that was pruned is known to it with the value of its
last rung, and ranks behind all that came further. ``random`` draws evenly, whatever the results are: the baseline.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from afterbell.training.search.trials import Parameter, Values
from afterbell.training.spec import ModelSpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial as Suggestion

PACKAGE = "optuna"
"""The distribution whose version decides the settings of ``tpe``."""


class Ending(Enum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class Sampler(Protocol):
    """Suggests the settings of one family and horizon."""

    def ask(self, numbers: Sequence[int]) -> list[Values]:
        """The settings of the trials with these numbers, each asked for once."""
        ...

    def tell(self, number: int, rungs: Sequence[float], ending: Ending) -> None:
        """Take in a trial: its value after each rung that it was given, the greater the better."""
        ...


def sampler_of(spec: ModelSpec, family: str, horizon: int, space: Mapping[str, Parameter], own: Values) -> Sampler:
    """The sampler that ``spec`` names, with a seed of the specification without its search, family and horizon.

    Args:
        spec: the specification.
        family: of the search.
        horizon: of the search.
        space: what is varied.
        own: values of trial 0.
    """
    seed = hashlib.sha256(json.dumps([spec.model_dump(mode="json"), family, horizon], sort_keys=True).encode()).digest()
    if spec.search.sampler == "random":
        return RandomSampler(seed, space)
    return TreeSampler(int.from_bytes(seed[:4], "big"), space, own, spec.search.cohort)


class RandomSampler:
    """Draws that seed and number decide."""

    def __init__(self, seed: bytes, space: Mapping[str, Parameter]) -> None:
        self._seed, self._space = seed, space

    def ask(self, numbers: Sequence[int]) -> list[Values]:
        """The settings of the trials."""
        return [self._draw(number) for number in numbers]

    def _draw(self, number: int) -> Values:
        # Of a hash, and by the generator whose draws Python promises to keep: the same trials on every machine.
        dice = random.Random(hashlib.sha256(self._seed + str(number).encode()).digest())  # noqa: S311 - no secret
        return {name: parameter.value(_between(dice, parameter)) for name, parameter in self._space.items()}

    def tell(self, number: int, rungs: Sequence[float], ending: Ending) -> None:
        """Nothing is learned."""


def _between(dice: random.Random, within: Parameter) -> float:
    if within.log:
        return math.exp(dice.uniform(math.log(within.low), math.log(within.high)))
    return dice.uniform(within.low, within.high)


class TreeSampler:
    """Optuna's TPE, told by ``ask`` and ``tell``."""

    def __init__(self, seed: int, space: Mapping[str, Parameter], own: Values, startup: int) -> None:
        """Nothing is suggested yet.

        Args:
            seed: below 2**32.
            space: what is varied.
            own: values of trial 0, which it is not asked for.
            startup: trials that are drawn at random before it has learned anything.
        """
        # Imported where it is needed: the orchestrator checks specifications, and has no Optuna.
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._space, self._own = space, own
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions: dict[str, BaseDistribution] = {
            name: optuna.distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
            if one.whole
            else optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)
            for name, one in space.items()
        }
        self._asked: dict[int, Suggestion] = {}

    def ask(self, numbers: Sequence[int]) -> list[Values]:
        """The settings of the trials; what is asked for together doesn't learn from each other."""
        for number in numbers:
            self._asked[number] = self._study.ask(self._distributions)
        return [
            {name: one.value(self._asked[number].params[name]) for name, one in self._space.items()}
            for number in numbers
        ]

    def tell(self, number: int, rungs: Sequence[float], ending: Ending) -> None:
        """Take in a trial."""
        if number == 0:
            self._tell_own(rungs, ending)
            return
        trial = self._asked.pop(number)
        for rung, value in enumerate(rungs):
            trial.report(value, rung)
        state = self._optuna.trial.TrialState
        if ending is Ending.COMPLETE:
            self._study.tell(trial, rungs[-1])
        else:
            self._study.tell(trial, state=state.PRUNED if ending is Ending.PRUNED else state.FAIL)

    def _tell_own(self, rungs: Sequence[float], ending: Ending) -> None:
        """Trial 0, which Optuna did not suggest; where it lies outside the ranges there is nothing to learn from it."""
        if ending is not Ending.COMPLETE or not all(one.contains(self._own[name]) for name, one in self._space.items()):
            return
        self._study.add_trial(
            self._optuna.trial.create_trial(
                params=dict(self._own),
                distributions=self._distributions,
                value=rungs[-1],
                intermediate_values=dict(enumerate(rungs)),
            )
        )
