"""The gate's and the portfolio's settings: ``include/config/gate.yaml``."""

from __future__ import annotations

from pydantic import Field, model_validator

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


class FirstRelease(Strict):
    """What a first release needs. The p-value is that of a rank IC of 0 or less, pooled over the horizons.

    Attributes:
        offer: a person is offered the candidate where the p-value is at most this.
        publish: it is published without a person where the p-value is at most this.
    """

    offer: float = Field(gt=0, lt=1)
    publish: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _is_stricter_without_a_person(self) -> FirstRelease:
        if self.publish > self.offer:
            raise ValueError(
                f"publish ({self.publish}) must be at most offer ({self.offer}): more evidence without a person"
            )
        return self


class Replacement(Strict):
    """What a candidate needs to replace the champion. Differences are in rank IC, pooled over the horizons.

    Attributes:
        quantile: how pessimistic the margin is judged: this quantile of the difference to the champion.
        margin: how much worse than the champion the candidate may be, at that quantile.
        floor: least mean rank IC of the candidate itself.
        hysteresis: how much better than the champion a candidate of another recipe must be, in the mean.
        loss_budget: how much worse than the last release that a person approved the candidate may be.
        loss_quantile: how pessimistic that is judged.
    """

    quantile: float = Field(gt=0, lt=0.5)
    margin: float = Field(ge=0)
    floor: float = Field(ge=-1, lt=1)
    hysteresis: float = Field(ge=0)
    loss_budget: float = Field(ge=0)
    loss_quantile: float = Field(gt=0, lt=1)


class Ceilings(Strict):
    """Above any of these a person has to look for look-ahead.

    Attributes:
        rank_ic: mean rank IC of a horizon.
        t: its t-statistic.
        sharpe: annualised Sharpe ratio of its portfolio, net of costs.
    """

    rank_ic: float = Field(gt=0, le=1)
    t: float = Field(gt=0)
    sharpe: float = Field(gt=0)


class GateSettings(Strict):
    """When a candidate is published.

    Attributes:
        min_sessions: fewest sessions that decide.
        first_release: while nothing serves.
        replacement: while a champion serves.
        too_good: what is held for a person.
        portfolio: costs and annualising.
    """

    min_sessions: int = Field(ge=2)
    first_release: FirstRelease
    replacement: Replacement
    too_good: Ceilings
    portfolio: PortfolioSettings


def load_gate() -> GateSettings:
    """The settings of ``gate.yaml``.

    Raises:
        ConfigError: the file is missing or a key of it is wrong.
    """
    return load_yaml(config_folder() / "gate.yaml", GateSettings)
