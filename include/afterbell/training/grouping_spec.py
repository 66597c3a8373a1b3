"""How a specification divides its rows into groups, each with a model of its own. It imports no numeric library."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from afterbell.config.loader import Strict


class ByMarket(Strict):
    """No groups: one model for all rows."""

    by: Literal["market"] = "market"


class BySymbol(Strict):
    """A group each symbol.

    Attributes:
        min_rows: fewest training rows of a group; rows of one with fewer are scored by the market's model.
    """

    by: Literal["symbol"]
    min_rows: int = Field(default=60, ge=1)


class ByLiquidity(Strict):
    """Equal groups by the rank of dollars traded within the session, the first of the least traded.

    Attributes:
        buckets: how many.
        min_rows: as of ``BySymbol``.
    """

    by: Literal["liquidity"]
    buckets: int = Field(default=5, ge=2, le=100)
    min_rows: int = Field(default=200, ge=1)


class ByColumn(Strict):
    """A group each value of a feature.

    Attributes:
        column: its name; it has whole numbers, and NaN where the market's model scores.
        min_rows: as of ``BySymbol``.
    """

    by: Literal["column"]
    column: str = Field(min_length=1)
    min_rows: int = Field(default=200, ge=1)


Grouping = Annotated[ByMarket | BySymbol | ByLiquidity | ByColumn, Field(discriminator="by")]
