"""What is to be trained: one typed YAML file a model specification, in ``include/config/models``."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from afterbell.config.loader import Strict, load_named
from afterbell.training.families import FAMILIES
from afterbell.training.fit_options import EQUAL, ONE_MODEL, EarlyStopping, Ensemble, Weights
from afterbell.training.grouping_spec import ByMarket, Grouping

LOOK_BACK = 20


_BLOCKS: dict[str, Any] = {
    # Left out where it is not fitted: another family that is registered changes no specification's identity.
    name: (family.params | None, Field(default=None, exclude_if=lambda params: params is None))
    for name, family in FAMILIES.items()
}
_Blocks: Any = create_model("Families", __base__=Strict, **_BLOCKS)


class Families(_Blocks):  # type: ignore[misc]  # its fields are the registered families
    """The model families to fit, a block of parameters each; a family left out is not fitted."""

    def named(self) -> dict[str, Strict]:
        """The families to fit, by name, in a fixed order."""
        return {name: params for name in FAMILIES if (params := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _at_least_one(self) -> Families:
        if not self.named():
            raise ValueError(f"at least one family is needed: {' or '.join(FAMILIES)}")
        return self


MOST_SPLITS = 300
"""Combinations of groups that a search may be given: each is a fit of every trial that gets so far."""


class SplitScheme(Strict):
    """Walk-forward folds, counted back from the last session whose label is known; lengths in sessions.

    What is reported, and what the gate judges, are always walk-forward folds.

    Attributes:
        folds: how many.
        test_sessions: of each.
        min_train_sessions: fewest training sessions of a fold.
        embargo: sessions left out besides those whose label reaches the test window.
        choice: what a search chooses by: the earlier of the folds (``walk_forward``), or all combinations of groups of
            the sessions before the reported folds (``combinatorial_purged``).
        groups: of ``combinatorial_purged``: into how many groups these sessions are divided.
        test_groups: of them, those that each combination is tested on.
    """

    folds: int = Field(ge=1, le=100)
    test_sessions: int = Field(ge=1)
    min_train_sessions: int = Field(ge=1)
    embargo: int = Field(ge=0)
    # Left out where they have their defaults: the identity of fits and candidates is that of a file without them.
    choice: Literal["walk_forward", "combinatorial_purged"] = Field(
        default="walk_forward", exclude_if=lambda value: value == "walk_forward"
    )
    groups: int = Field(default=6, ge=3, le=20, exclude_if=lambda value: value == 6)
    test_groups: int = Field(default=2, ge=1, exclude_if=lambda value: value == 2)

    def lengths(self) -> dict[str, int]:
        """The arguments of ``splits.walk_forward``."""
        return {
            "folds": self.folds,
            "test_sessions": self.test_sessions,
            "min_train_sessions": self.min_train_sessions,
            "embargo": self.embargo,
        }

    @model_validator(mode="after")
    def _combinations_are_possible(self) -> SplitScheme:
        if self.test_groups >= self.groups:
            raise ValueError(f"test_groups ({self.test_groups}) must be fewer than groups ({self.groups})")
        if self.choice == "walk_forward" and (self.groups, self.test_groups) != (6, 2):
            raise ValueError("groups and test_groups have no effect with choice: walk_forward")
        if (count := math.comb(self.groups, self.test_groups)) > MOST_SPLITS:
            raise ValueError(
                f"{self.test_groups} of {self.groups} groups are {count} combinations, expected {MOST_SPLITS} at most"
            )
        return self


class UniverseFilter(Strict):
    """Which rows may be traded, judged by what was known at the session's cut-off.

    Attributes:
        min_price: close as traded, in the listing's currency.
        min_median_dollar_volume: trailing median of close times volume.
        window: bars of that median.
        min_window: fewest bars for it to count.
        min_feature_share: share of finite features that a row needs.
    """

    min_price: float = Field(ge=0)
    min_median_dollar_volume: float = Field(ge=0)
    window: int = Field(ge=1)
    min_window: int = Field(ge=1)
    min_feature_share: float = Field(ge=0, le=1)


class Range(Strict):
    """Where a search draws a parameter from: evenly between ``low`` and ``high``, or evenly in its logarithm."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ascends(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"low ({self.low}) must lie below high ({self.high}), and above 0 where log is true")
        return self


_RANGES: dict[str, Any] = {name: (dict[str, Range], Field(default_factory=dict)) for name in FAMILIES}
_Ranges: Any = create_model("Search", __base__=Strict, **_RANGES)


MOST_TRIALS = 5_000
"""Trials of a family and horizon."""


class Search(_Ranges):  # type: ignore[misc]  # its fields are the registered families
    """How many settings are tried, and which parameters of each family a search varies, within what.

    Attributes:
        trials: settings tried of each family and horizon; the first is the specification's own, and with 1 there is
            no search.
        sampler: what suggests them: ``tpe`` learns from those that are done, ``random`` doesn't.
        cohort: how many are suggested at a time, from the results of all cohorts before.
        keep: share of a cohort's trials that goes on after each fold; 1 for all.
    """

    trials: int = Field(default=1, ge=1, le=MOST_TRIALS)
    sampler: Literal["tpe", "random"] = "tpe"
    cohort: int = Field(default=8, ge=2, le=500)
    keep: float = Field(default=0.5, ge=1 / 3, le=1)

    def ranges(self, family: str) -> dict[str, Range]:
        """The ranges of a family's parameters; none where all of them stay as they are."""
        ranges: dict[str, Range] = getattr(self, family)
        return ranges

    @model_validator(mode="after")
    def _names_parameters(self) -> Search:
        for name, family in FAMILIES.items():
            fields = family.params.model_fields
            known = [key for key, field in fields.items() if field.annotation in (int, float)]
            for key in sorted(set(self.ranges(name)) - set(known)):
                if key in fields:
                    raise ValueError(
                        f"{name}.{key} can't be searched: a range varies numbers alone, {', '.join(known)}"
                    )
                raise ValueError(f"{name} has no parameter {key!r}; it has {', '.join(known)}")
        return self


SetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ModelSpec(Strict):
    """One model specification: all that decides which models come out, beside the data and the code.

    Attributes:
        feature_sets: factor sets whose rows are joined on symbol and session; columns stand in the sets' order.
        unseen: what becomes of rows and labels whose returns cross a session about whose corporate actions the vendor
            showed nothing (``afterbell.lake.unseen``): ``keep``, or ``leave_out`` of training and evaluation.
        unseen_look_back: sessions of the look-back that counts for ``leave_out``: a row whose return over so many
            sessions crosses such a session is left out.
        weights: how much each training row counts.
        early_stopping: where the rounds of boosted families are counted; None for the rounds of their parameters.
        ensemble: the models whose mean a fit is.
        grouping: the groups of rows that have a model of their own, beside the market's.
        blend: how the families' ranks make one score: each counts alike (``equal``), or by weights that are learned on
            the out-of-sample folds before (``learned``).
        search: settings to try. It decides no fit of the specification itself, so it is no part of what is written down
            as the specification.
    """

    feature_sets: tuple[SetName, ...] = Field(min_length=1)
    horizons: tuple[int, ...] = Field(min_length=1)
    seed: int = Field(ge=0)
    target: Literal["rank", "zscore"]
    families: Families
    split: SplitScheme
    universe: UniverseFilter
    min_train_rows: int = Field(ge=1)
    max_train_rows: int = Field(ge=1)
    optional_features: tuple[str, ...] = ()
    # Left out where they have their defaults: the identity of fits and candidates is that of a file without them.
    unseen: Literal["keep", "leave_out"] = Field(default="keep", exclude_if=lambda value: value == "keep")
    unseen_look_back: int = Field(default=LOOK_BACK, ge=1, le=260, exclude_if=lambda value: value == LOOK_BACK)
    weights: Weights = Field(default=EQUAL, exclude_if=lambda value: value == EQUAL)
    early_stopping: EarlyStopping | None = Field(default=None, exclude_if=lambda value: value is None)
    ensemble: Ensemble = Field(default=ONE_MODEL, exclude_if=lambda value: value == ONE_MODEL)
    grouping: Grouping = Field(default_factory=ByMarket, exclude_if=lambda value: isinstance(value, ByMarket))
    blend: Literal["equal", "learned"] = Field(default="equal", exclude_if=lambda value: value == "equal")
    search: Search = Field(default_factory=Search, exclude=True)

    @model_validator(mode="after")
    def _sets_stand_once(self) -> ModelSpec:
        if len(set(self.feature_sets)) < len(self.feature_sets):
            raise ValueError(f"feature_sets must name each set once; found {list(self.feature_sets)}")
        return self

    @model_validator(mode="after")
    def _look_back_has_an_effect(self) -> ModelSpec:
        if self.unseen == "keep" and self.unseen_look_back != LOOK_BACK:
            raise ValueError(
                f"unseen_look_back ({self.unseen_look_back}) has no effect with unseen: keep; set unseen: leave_out"
            )
        return self

    @model_validator(mode="after")
    def _early_stopping_has_an_effect(self) -> ModelSpec:
        with_rounds = [name for name, family in FAMILIES.items() if family.best_rounds is not None]
        if self.early_stopping is not None and not set(with_rounds) & set(self.families.named()):
            raise ValueError(
                f"early_stopping has no effect on {', '.join(self.families.named())}, which make no rounds; take it "
                f"out, or fit {' or '.join(with_rounds)}"
            )
        return self

    @model_validator(mode="after")
    def _horizons_ascend(self) -> ModelSpec:
        if self.horizons != tuple(sorted(set(self.horizons))) or self.horizons[0] < 1:
            raise ValueError(f"horizons must ascend, each once, from 1 up, such as [1, 5]; found {self.horizons}")
        return self


def load_spec(name: str = "daily") -> ModelSpec:
    """The specification ``include/config/models/<name>.yaml``.

    Raises:
        ConfigError: no specification has that name, or a key of it is wrong.
    """
    return load_named("models", name, ModelSpec)
