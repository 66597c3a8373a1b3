"""The gate's and the portfolio's settings: ``include/config/gate.yaml``."""

from __future__ import annotations

from pydantic import Field

from afterbell.config.loader import Strict, config_folder, load_yaml


class PortfolioSettings(Strict):
    """How the long-short decile portfolio is charged and annualised.

    Attributes:
        cost_bps: one-way cost in basis points of the value traded.
        sessions_per_year: for annualising.
        volume_share: of a symbol's daily dollar volume that a trade may be, for the portfolio's capacity.
        min_symbols: a session with fewer scored symbols is left out of every metric.
    """

    cost_bps: float = Field(ge=0)
    sessions_per_year: int = Field(ge=1)
    volume_share: float = Field(default=0.01, gt=0, le=1)
    min_symbols: int = Field(ge=10)


class GateSettings(Strict):
    """When a candidate replaces the champion.

    Attributes:
        min_sessions: fewest sessions of the window that decides.
        margin: rank IC that the candidate may be worse by, at the pessimistic quantile.
        quantile: the pessimistic quantile of the bootstrapped mean.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        max_rank_ic: mean rank IC above which a person has to look.
        max_t: t-statistic of it above which a person has to look.
        portfolio: costs and annualising.
    """

    min_sessions: int = Field(ge=2)
    margin: float = Field(ge=0)
    quantile: float = Field(gt=0, lt=0.5)
    resamples: int = Field(ge=100, le=100_000)
    seed: int = Field(ge=0)
    max_rank_ic: float = Field(gt=0, le=1)
    max_t: float = Field(gt=0)
    portfolio: PortfolioSettings


def load_gate() -> GateSettings:
    """The settings of ``gate.yaml``.

    Raises:
        ConfigError: the file is missing or a key of it is wrong.
    """
    return load_yaml(config_folder() / "gate.yaml", GateSettings)
