"""Settings of a model specification that change how every fit is made, whatever its family."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from afterbell.config.loader import Strict


class Weights(Strict):
    """How much a training row counts; see ``afterbell.training.weights``.

    Attributes:
        half_life: sessions after which a row counts half as much; None where its age has no effect.
        liquidity: the power of the dollars traded, over their mean of the session: 0 where they have no effect, 1 where
            a row with twice the dollars counts twice.
    """

    half_life: float | None = Field(default=None, ge=1)
    liquidity: float = Field(default=0.0, ge=0, le=1)


EQUAL = Weights()
"""Every row counts the same."""


class EarlyStopping(Strict):
    """How many rounds a boosted family makes: as many as were best on the last sessions of the training window.

    Attributes:
        sessions: the last labelled sessions of the window; the rounds are counted by a fit that doesn't know them.
        patience: rounds without progress on them after which that fit ends.
    """

    sessions: int = Field(ge=1, le=1000)
    patience: int = Field(ge=1, le=1000)


_Window = Annotated[int, Field(ge=1)] | None


class Ensemble(Strict):
    """The models that a fit consists of, one of each seed and window; it predicts their mean.

    Attributes:
        seeds: how many seeds; families that draw nothing make one model of each window.
        windows: training sessions of a model, counted back from the last one; None for all.
    """

    seeds: int = Field(default=1, ge=1, le=50)
    windows: tuple[_Window, ...] = Field(default=(None,), min_length=1, max_length=10)

    @field_validator("windows", mode="before")
    @classmethod
    def _none_is_all(cls, given: object) -> object:
        return (None,) if given is None else given

    @field_validator("windows")
    @classmethod
    def _windows_stand_once(cls, given: tuple[int | None, ...]) -> tuple[int | None, ...]:
        if len(set(given)) < len(given):
            raise ValueError(f"windows must name each length once; found {list(given)}")
        return given


ONE_MODEL = Ensemble()
"""A fit is one model of all training sessions."""
