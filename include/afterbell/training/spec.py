"""What is to be trained: one typed YAML file a model specification, in ``include/config/models``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from afterbell.config.loader import Strict, load_named
from afterbell.training.families import FAMILIES

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


class SplitScheme(Strict):
    """Walk-forward folds, counted back from the last session whose label is known; lengths in sessions."""

    folds: int = Field(ge=1, le=100)
    test_sessions: int = Field(ge=1)
    min_train_sessions: int = Field(ge=1)
    embargo: int = Field(ge=0)


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


class Search(_Ranges):  # type: ignore[misc]  # its fields are the registered families
    """Which parameters of each family a search varies, and within what; the others stay as they are."""

    def ranges(self, family: str) -> dict[str, Range]:
        """The ranges of a family's parameters; none where all of them stay as they are."""
        ranges: dict[str, Range] = getattr(self, family)
        return ranges

    @model_validator(mode="after")
    def _names_parameters(self) -> Search:
        for name, family in FAMILIES.items():
            known = family.params.model_fields
            unknown = sorted(set(self.ranges(name)) - set(known))
            if unknown:
                raise ValueError(f"{name} has no parameter {unknown[0]!r}; it has {', '.join(known)}")
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
        search: for experiments of several trials. It decides no fit of the specification itself, so it is no part of
            what is written down as the specification.
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
