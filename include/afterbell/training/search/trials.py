"""Settings that a search tries: the specification's own first, then values within the ranges that it states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from afterbell.errors import ConfigError
from afterbell.training.spec import ModelSpec, Range

Values = Mapping[str, float | int]
"""Of the parameters that a search varies, by name."""


@dataclass(frozen=True)
class Trial:
    """One setting of one family.

    Attributes:
        family: whose.
        number: of the trial; 0 is the specification's own setting.
        spec: the specification with this setting.
    """

    family: str
    number: int
    spec: ModelSpec

    @property
    def params(self) -> dict[str, JsonValue]:
        """The family's parameters."""
        return self.spec.families.named()[self.family].model_dump()


@dataclass(frozen=True)
class Parameter:
    """Where one parameter is drawn from.

    Attributes:
        low: the least value.
        high: the greatest.
        log: whether evenly in its logarithm.
        whole: whether it is a whole number.
    """

    low: float
    high: float
    log: bool
    whole: bool

    def value(self, drawn: float) -> float | int:
        """A drawn number as the parameter takes it: within the range, and with six digits at most."""
        within = min(max(drawn, self.low), self.high)
        return round(within) if self.whole else float(f"{within:.6g}")

    def contains(self, value: float) -> bool:
        """Whether a value lies in the range."""
        return self.low <= value <= self.high


def space_of(spec: ModelSpec, family: str) -> dict[str, Parameter]:
    """The parameters that a search of ``family`` varies, in the order of their names.

    Raises:
        ConfigError: the specification states none, or a range that has no whole number.
    """
    ranges = spec.search.ranges(family)
    if not ranges:
        raise ConfigError(
            f"several trials are asked for, but the model specification has no search.{family}: add it to "
            "include/config/models/daily.yaml, such as {penalty: {low: 0.01, high: 1.0, log: true}}, or ask for one"
        )
    params = spec.families.named()[family]
    return {name: _parameter(family, name, ranges[name], getattr(params, name)) for name in sorted(ranges)}


def _parameter(family: str, name: str, within: Range, own: object) -> Parameter:
    if isinstance(own, bool) or not isinstance(own, int):
        return Parameter(within.low, within.high, within.log, whole=False)
    low, high = math.ceil(within.low), math.floor(within.high)
    if low >= high:
        raise ConfigError(
            f"search.{family}.{name} of the model specification goes from {within.low:g} to {within.high:g}, expected "
            "at least two whole numbers within: widen it"
        )
    return Parameter(low, high, within.log, whole=True)


def make_trial(spec: ModelSpec, family: str, number: int, values: Values) -> Trial:
    """The trial of ``values``, the other parameters as they stand in ``spec``.

    Raises:
        ConfigError: the family refuses the values.
    """
    families = {name: settings.model_dump() for name, settings in spec.families.named().items()}
    families[family] |= values
    try:
        made = ModelSpec.model_validate(spec.model_dump() | {"families": families})
    except ValidationError as error:
        raise ConfigError(
            f"search.{family} of the model specification allows {dict(values)}, which is refused: {error}"
        ) from error
    return Trial(family, number, made.model_copy(update={"search": spec.search}))


def require_spaces(spec: ModelSpec) -> None:
    """Refuse, before anything is computed, a specification whose search can't be carried out.

    Raises:
        ConfigError: a family has no range, or refuses an end of one.
    """
    if spec.search.trials == 1:
        return
    for family in spec.families.named():
        space = space_of(spec, family)
        for end in ("low", "high"):
            values = {name: parameter.value(getattr(parameter, end)) for name, parameter in space.items()}
            make_trial(spec, family, 1, values)
