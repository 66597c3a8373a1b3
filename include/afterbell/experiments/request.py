"""The request of an analyst, and the model specification that follows; for the orchestrator and the drivers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from afterbell.config.loader import Strict
from afterbell.errors import ConfigError
from afterbell.training.families import FAMILIES
from afterbell.training.spec import MOST_TRIALS, ModelSpec, SetName
from afterbell.training.splits import walk_forward

FACTOR_SETS = ("alpha158", "alpha360", "core", "cross_section", "fundamental")
"""Those of ``features.sets``, which the orchestrator's environment can't import."""
LONGEST_HORIZON = 60
ID = re.compile(r"[0-9a-f]{16}")
GOOD: dict[str, str] = {
    "name": "small letters, digits and dashes, 40 at most, such as more-trees",
    "first": "a day like 2024-01-02",
    "last": "a day like 2026-06-30",
    "horizons": f"1 to 5 whole numbers from 1 to {LONGEST_HORIZON}, ascending, such as 1, 5",
    "families": f"one or more of {', '.join(FAMILIES)}",
    "factor_sets": f"one or more of {', '.join(FACTOR_SETS)}",
    "trials": f"a whole number from 1 to {MOST_TRIALS}",
    "cost_bps": "a number from 0 to 200",
    "seed": "a whole number from 0 to 2147483647",
    "min_price": "a number from 0 to 10000",
    "min_dollar_volume": "a number from 0 to 1000000000000",
}
"""What each field takes, for messages."""


def _day(value: Any) -> Any:
    # Nothing else that a date may be made of: no number, no instant, no calendar week.
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise ValueError("expected a day like 2026-06-30")


Day = Annotated[date, BeforeValidator(_day)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class ExperimentRequest(Strict):
    """One experiment. Its form is made of these fields; the first example of a field is what its form starts with.

    Attributes:
        name: chosen by the analyst, for people.
        first: no row of a session before this day is used.
        last: the session it is made for, the last one that is used.
        horizons: in sessions.
        families: model families.
        factor_sets: whose factors the models take.
        trials: settings tried of each family and horizon; the first is that of the specification.
        cost_bps: one-way cost of trading in the evaluation, in basis points.
        seed: of fits and of the search.
        min_price: a row's close, at least.
        min_dollar_volume: a row's trailing median of close times volume, at least.
    """

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        title="Name",
        description="Small letters, digits and dashes, 40 at most.",
        examples=["try"],
    )
    first: Day = Field(title="First day", description="No session before it is used, such as 2024-01-02.")
    last: Day = Field(title="Last session", description="The session it is made for, such as 2026-06-30.")
    horizons: tuple[Annotated[Whole, Field(ge=1, le=LONGEST_HORIZON)], ...] = Field(
        min_length=1, max_length=5, title="Horizons", description="In sessions, ascending.", examples=[[1, 5]]
    )
    families: tuple[str, ...] = Field(
        min_length=1,
        title="Model families",
        description="Each is trained by itself; their scores are blended as well.",
        examples=[list(FAMILIES)],
    )
    factor_sets: tuple[SetName, ...] = Field(
        min_length=1,
        max_length=len(FACTOR_SETS),
        title="Factor sets",
        description="Their sessions are filled up to the last one first, where they aren't stored yet.",
        examples=[["core"]],
    )
    trials: Whole = Field(
        ge=1,
        le=MOST_TRIALS,
        title="Trials of each family",
        description="1: the specification's setting alone. More are searched for, within `search` in daily.yaml.",
        examples=[1],
    )
    cost_bps: Number = Field(
        ge=0,
        le=200,
        title="Cost of trading",
        description="One way, in basis points of the value traded.",
        examples=[5.0],
    )
    seed: Whole = Field(
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="Of the draws and the fits: the same seed gives the same models.",
        examples=[20150323],
    )
    min_price: Number = Field(
        ge=0, le=10_000, title="Lowest close", description="As traded, in the listing's currency.", examples=[2.0]
    )
    min_dollar_volume: Number = Field(
        ge=0,
        le=1e12,
        title="Lowest dollar volume",
        description="Trailing median of close times volume.",
        examples=[250_000.0],
    )

    @field_validator("horizons")
    @classmethod
    def _ascend(cls, given: tuple[int, ...]) -> tuple[int, ...]:
        if given != tuple(sorted(set(given))):
            raise _misfit(
                "horizons", f"horizons must ascend, each once, such as 1, 5; found {', '.join(map(str, given))}"
            )
        return given

    @field_validator("families", "factor_sets")
    @classmethod
    def _stand_once(cls, given: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        name = str(info.field_name)
        # Sets are no rule here: a driver knows some that the form doesn't offer.
        if unknown := [item for item in given if name == "families" and item not in FAMILIES]:
            raise _misfit(name, f"{unknown[0]!r:.60} is not one of {', '.join(FAMILIES)}")
        if len(set(given)) < len(given):
            raise _misfit(name, f"{name} must name each once; found {list(given)}")
        return given

    @model_validator(mode="after")
    def _in_order(self) -> ExperimentRequest:
        if wrong := disorder(self.first, self.last):
            raise _misfit("first", wrong)
        return self

    @property
    def id(self) -> str:
        """16 hexadecimal digits that the content decides."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def spec(self, base: ModelSpec) -> ModelSpec:
        """The specification ``base`` with the settings of the request.

        A family that ``base`` has no block of takes its defaults, where all of its parameters have one.

        Raises:
            ConfigError: the request names a family that has neither.
        """
        blocks = {name: params.model_dump() for name, params in base.families.named().items()}
        usable: dict[str, dict[str, JsonValue]] = {
            name: {} for name, family in FAMILIES.items() if family.has_defaults
        } | blocks
        if missing := [name for name in self.families if name not in usable]:
            raise ConfigError(
                f"family {missing[0]!r} has no setting in the model specification, which has {', '.join(blocks)}: ask "
                "for one of these, or add it to include/config/models/daily.yaml"
            )
        own = {
            "horizons": self.horizons,
            "feature_sets": self.factor_sets,
            "seed": self.seed,
            "families": {name: block for name, block in usable.items() if name in self.families},
            "universe": base.universe.model_dump()
            | {"min_price": self.min_price, "min_median_dollar_volume": self.min_dollar_volume},
        }
        if not any(FAMILIES[name].best_rounds for name in self.families):
            own["early_stopping"] = None  # which would be refused for families without rounds
        search = base.search.model_copy(update={"trials": self.trials})
        return ModelSpec.model_validate(base.model_dump() | own).model_copy(update={"search": search})


def disorder(first: date, last: date) -> str:
    """What is wrong with two days that are the wrong way round; empty where they aren't."""
    return f"first ({first}) must lie before last ({last})" if first >= last else ""


def _misfit(field: str, text: str) -> PydanticCustomError:
    """A field that is right by itself and doesn't fit the others."""
    return PydanticCustomError("misfit", "{text}", {"field": field, "text": text})


def parse_request(fields: Mapping[str, object]) -> ExperimentRequest:
    """A request out of a form or a document.

    Raises:
        ConfigError: a field is wrong; the message names it, what it may be and what was found.
    """
    faults = find_faults(fields)
    if faults:
        listed = "; ".join(f"{name}: {text}" for name, text in faults.items())
        raise ConfigError(f"the experiment was not started: {listed}")
    return ExperimentRequest.model_validate(dict(fields))


def find_faults(fields: Mapping[str, object]) -> dict[str, str]:
    """What is wrong with the fields of a request, a sentence each by the field's name; empty where nothing is."""
    try:
        ExperimentRequest.model_validate(dict(fields))
    except ValidationError as error:
        faults: dict[str, str] = {}
        for name, text in map(_fault, error.errors()):
            faults.setdefault(name, text)  # one of a field is enough
        return faults
    return {}


def _fault(details: ErrorDetails) -> tuple[str, str]:
    if details["type"] == "misfit":
        context = details.get("ctx", {})
        return str(context["field"]), str(context["text"])
    name = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        return name, f"an experiment has no such field; it has {', '.join(GOOD)}"
    if details["type"] == "missing":
        return name, f"expected {GOOD[name]}; nothing was given"
    return name, f"expected {GOOD[name]}; found {details['input']!r:.80}"


def require_folds(request: ExperimentRequest, base: ModelSpec, sessions: int) -> None:
    """Refuse a range that is too short for the walk-forward folds, before anything is computed.

    Args:
        request: the experiment.
        base: whose split counts.
        sessions: number of them from the request's first day to its last.

    Raises:
        ConfigError: a horizon would have no fold, or a search none that it doesn't see.
    """
    if missing := missing_folds(request, base, sessions):
        raise ConfigError(f"the experiment was not started: {missing}")


def missing_folds(request: ExperimentRequest, base: ModelSpec, sessions: int) -> str:
    """Why ``sessions`` are too few for the walk-forward folds of a request, in a sentence; empty where they are enough.

    Args:
        request: the experiment.
        base: whose split counts.
        sessions: number of them from the request's first day to its last.
    """
    least, split = (1 if request.trials == 1 else 2), base.split
    for horizon in request.horizons:
        folds, _ = walk_forward(sessions, horizon, **split.lengths())
        if len(folds) < least:
            # The label of a test window's last session, and of the last session before it, reach h + 1 further.
            needed = split.min_train_sessions + split.embargo + least * split.test_sessions + 2 * (horizon + 1)
            return (
                f"{request.first} to {request.last} are {sessions} sessions; horizon {horizon} needs at least "
                f"{needed}: {split.min_train_sessions} to train on, {split.embargo} of embargo, {least} "
                f"fold{'s' if least > 1 else ''} of {split.test_sessions} and the labels' own reach. Choose an earlier "
                "first day" + (", or one trial" if least > 1 else "")
            )
    return ""


def root_of(experiment: str) -> str:
    """The folder of an experiment in the artifact store, with a slash at its end.

    Raises:
        ConfigError: ``experiment`` is not an id.
    """
    if not ID.fullmatch(experiment):
        raise ConfigError(f"experiment {experiment!r} is not an id of 16 hexadecimal digits")
    return f"experiments/{experiment}/"
