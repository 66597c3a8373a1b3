"""The settings that a search tries: the specification's own first, then draws that seed, family and number decide."""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from afterbell.errors import ConfigError
from afterbell.training.spec import ModelSpec, Range


@dataclass(frozen=True)
class Trial:
    """One setting of one family: 0 is the specification's own.

    Attributes:
        family: whose.
        number: of the trial.
        spec: the specification with this setting.
    """

    family: str
    number: int
    spec: ModelSpec

    @property
    def params(self) -> dict[str, JsonValue]:
        """The family's parameters."""
        return self.spec.families.named()[self.family].model_dump()


def trials(spec: ModelSpec, count: int) -> list[Trial]:
    """``count`` trials of each family of ``spec``.

    Raises:
        ConfigError: more than one is requested, and the specification does not state what may be varied.
    """
    return [_trial(spec, family, number) for family in spec.families.named() for number in range(count)]


def _trial(spec: ModelSpec, family: str, number: int) -> Trial:
    if number == 0:
        return Trial(family, 0, spec)
    space = spec.search.ranges(family)
    if not space:
        raise ConfigError(
            f"several trials are asked for, but the model specification has no search.{family}: add it to "
            "include/config/models/daily.yaml, such as {penalty: {low: 0.01, high: 1.0, log: true}}, or ask for one"
        )
    identity = json.dumps([spec.seed, family, number])
    # Of a hash, and by the generator whose draws Python promises to keep: the same trials on every machine.
    dice = random.Random(hashlib.sha256(identity.encode()).digest())  # noqa: S311 - nothing is kept secret by it
    params = spec.families.named()[family]
    drawn = {name: _draw(dice, space[name], type(getattr(params, name))) for name in sorted(space)}
    families = {name: settings.model_dump() for name, settings in spec.families.named().items()}
    families[family] |= drawn
    try:
        made = ModelSpec.model_validate(spec.model_dump() | {"families": families})
    except ValidationError as error:
        raise ConfigError(
            f"search.{family} of the model specification allows {drawn}, which is refused: {error}"
        ) from error
    return Trial(family, number, made.model_copy(update={"search": spec.search}))


def _draw(dice: random.Random, within: Range, kind: type) -> float | int:
    if within.log:
        value = math.exp(dice.uniform(math.log(within.low), math.log(within.high)))
    else:
        value = dice.uniform(within.low, within.high)
    value = min(max(value, within.low), within.high)
    return round(value) if kind is int else float(f"{value:.6g}")
