"""Settings of a model specification that change how every fit is made, whatever its family."""

from __future__ import annotations

from pydantic import Field

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
